/** Requests to the Jupyter server's extension (docs/page-protocol.md and terminal-protocol.md, "REST"). */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

/** Throws ServerConnection.ResponseError where the server refuses, NetworkError where there is none. */
export async function requestApi(
  settings: ServerConnection.ISettings,
  what: string,
  init: RequestInit = {}
): Promise<Response> {
  const url = URLExt.join(settings.baseUrl, 'jupyter-ssh', 'api', what);
  const response = await ServerConnection.makeRequest(url, init, settings);
  if (!response.ok) {
    throw await ServerConnection.ResponseError.create(response);
  }
  return response;
}

/** The HTTP status with which the extension answers: 404 where the server has none, 0 where there is no server. */
export async function probeApi(settings: ServerConnection.ISettings): Promise<number> {
  try {
    return (await requestApi(settings, 'terminals')).status;
  } catch (error) {
    return error instanceof ServerConnection.ResponseError ? error.response.status : 0;
  }
}
