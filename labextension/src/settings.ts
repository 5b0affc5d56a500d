/** The person's settings: for terminals in general those of Lab's terminal, for SSH terminals ours. */

import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { ITerminal } from '@jupyterlab/terminal';
import { Signal, type ISignal } from '@lumino/signaling';

/** The plugin that the schema belongs to: schema/terminal.json. */
export const OWN = 'jupyterlab-ssh:terminal';
const LABS = '@jupyterlab/terminal-extension:plugin';
const FONT_SIZE = [6, 72] as const;

/** What to do with a session whose tab is closed. */
export type OnClose = 'ask' | 'end' | 'leave';

export interface Settings {
  onClose: OnClose;
  bell: 'visual' | 'none';
  renderer: 'automatic' | 'lab';
  scrollback: number;
  lab: Partial<ITerminal.IOptions>;
}

export class SettingsStore {
  private own: ISettingRegistry.ISettings | null = null;
  private labs: ISettingRegistry.ISettings | null = null;
  private readonly changedSignal = new Signal<this, undefined>(this);
  /** Settled once the settings have been read; until then, and if they cannot be read, the defaults apply. */
  readonly loaded: Promise<void>;

  constructor(private readonly registry: ISettingRegistry | null) {
    this.loaded = this.load();
  }

  get changed(): ISignal<unknown, undefined> {
    return this.changedSignal;
  }

  get current(): Settings {
    const own = (this.own?.composite ?? {}) as Partial<Settings>;
    return {
      onClose: own.onClose ?? 'ask',
      bell: own.bell ?? 'visual',
      renderer: own.renderer ?? 'automatic',
      scrollback: own.scrollback ?? 10_000,
      lab: this.labs?.composite ?? {}
    };
  }

  async setOnClose(value: OnClose): Promise<void> {
    await this.own?.set('onClose', value);
  }

  /** Make the font of all terminals larger or smaller; 0 restores the usual size. */
  async changeFont(step: number): Promise<void> {
    const [low, high] = FONT_SIZE;
    const size = this.current.lab.fontSize ?? 13;
    if (step === 0) {
      await this.labs?.remove('fontSize');
    } else {
      await this.labs?.set('fontSize', Math.min(high, Math.max(low, size + step)));
    }
  }

  private async load(): Promise<void> {
    const changed = (): void => {
      this.changedSignal.emit(undefined);
    };
    const load = async (id: string): Promise<ISettingRegistry.ISettings | null> => {
      try {
        const settings = await this.registry?.load(id);
        settings?.changed.connect(changed);
        return settings ?? null;
      } catch (error) {
        console.warn(`jupyter_ssh: no settings of ${id}`, error);
        return null;
      }
    };
    [this.own, this.labs] = await Promise.all([load(OWN), load(LABS)]);
    changed();
  }
}
