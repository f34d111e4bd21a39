// How the page asks: HTTP for questions, one WebSocket at the same path for subscriptions.
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { createClient } from "graphql-ws";

const COST_HEADER = "X-Supplygraph-Extensions";
const FORBIDDEN = 4403;

/** A GraphiQL fetcher; what the reader writes in the headers editor wins over the picked role. */
export function makeFetcher({ endpoint, token, showsCost }) {
  const url = new URL(endpoint, window.location.href);
  const socketUrl = new URL(url);
  socketUrl.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const authorization = token ? { Authorization: `Bearer ${token}` } : {};
  const sockets = new Map();

  const send = (address, options) => {
    const headers = new Headers({ ...authorization, ...(showsCost && { [COST_HEADER]: "cost" }) });
    new Headers(options.headers).forEach((value, name) => headers.set(name, value));
    return window.fetch(address, { ...options, headers });
  };

  const socketFor = (headers) => {
    const params = { ...authorization, ...headers };
    const name = JSON.stringify(params);
    if (!sockets.has(name)) sockets.set(name, openSocket(socketUrl.href, params));
    return sockets.get(name);
  };

  return (asked, options) =>
    createGraphiQLFetcher({ url: url.href, fetch: send, wsClient: socketFor(options?.headers) })(
      asked,
      options,
    );
}

// The page has no other token to try: whoever is refused is told so at once.
function openSocket(url, connectionParams) {
  const shouldRetry = (event) => event instanceof CloseEvent && event.code !== FORBIDDEN;
  return createClient({ url, connectionParams, shouldRetry });
}
