// How the page asks: HTTP for questions, one WebSocket at the same path for subscriptions.
import { createGraphiQLFetcher } from "@graphiql/toolkit";

const COST_HEADER = "X-Supplygraph-Extensions";

/** A GraphiQL fetcher; what the reader writes in the headers editor wins over the picked role. */
export function makeFetcher({ endpoint, token, showsCost }) {
  const url = new URL(endpoint, window.location.href);
  const socketUrl = new URL(url);
  socketUrl.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const authorization = token ? { Authorization: `Bearer ${token}` } : {};

  const send = (address, options) => {
    const headers = new Headers({ ...authorization, ...(showsCost && { [COST_HEADER]: "cost" }) });
    new Headers(options.headers).forEach((value, name) => headers.set(name, value));
    return window.fetch(address, { ...options, headers });
  };

  return createGraphiQLFetcher({
    url: url.href,
    fetch: send,
    subscriptionUrl: socketUrl.href,
    wsConnectionParams: authorization,
  });
}
