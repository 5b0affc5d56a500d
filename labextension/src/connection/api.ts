/** Requests to the Jupyter server's extension (docs/page-protocol.md and terminal-protocol.md, "REST"). */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

/**
 * Send a request. Throws ServerConnection.ResponseError if the server refuses it, NetworkError if there is no server.
 */
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

/** Return the HTTP status of the extension's answer: 404 if the server does not have it, 0 if there is no server. */
export async function probeApi(settings: ServerConnection.ISettings): Promise<number> {
  try {
    return (await requestApi(settings, 'terminals')).status;
  } catch (error) {
    return error instanceof ServerConnection.ResponseError ? error.response.status : 0;
  }
}
