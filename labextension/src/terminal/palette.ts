/** The sixteen colours, readable on the theme's background (those of xterm.js are made for black only). */

export interface Palette {
  black: string;
  red: string;
  green: string;
  yellow: string;
  blue: string;
  magenta: string;
  cyan: string;
  white: string;
  brightBlack: string;
  brightRed: string;
  brightGreen: string;
  brightYellow: string;
  brightBlue: string;
  brightMagenta: string;
  brightCyan: string;
  brightWhite: string;
}

/** Each has a contrast of at least 4.5 : 1 on white. */
export const ON_LIGHT: Palette = {
  black: '#000000',
  red: '#b3261e',
  green: '#1b6e20',
  yellow: '#7a5900',
  blue: '#0b57c4',
  magenta: '#8e24aa',
  cyan: '#00687a',
  white: '#5f6368',
  brightBlack: '#6b6f74',
  brightRed: '#c62828',
  brightGreen: '#2b7a2f',
  brightYellow: '#8a6100',
  brightBlue: '#1a66d6',
  brightMagenta: '#a034bb',
  brightCyan: '#007184',
  brightWhite: '#44484c'
};

/**
 * Each has a contrast of at least 4.5 : 1 on Lab's dark background, except black, which programs use as a background.
 */
export const ON_DARK: Palette = {
  black: '#000000',
  red: '#ff7b72',
  green: '#6ac46f',
  yellow: '#d8b354',
  blue: '#7aaefc',
  magenta: '#d492ea',
  cyan: '#56c4d6',
  white: '#d0d4d8',
  brightBlack: '#979ca3',
  brightRed: '#ffa198',
  brightGreen: '#8fe094',
  brightYellow: '#f2d27c',
  brightBlue: '#a5cbff',
  brightMagenta: '#e6b8f5',
  brightCyan: '#8be0ee',
  brightWhite: '#ffffff'
};
