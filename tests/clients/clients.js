// The clients as people install them, and one way to write down what each of them hears.
import { createClient } from "graphql-ws";
import { createClient as createStreamClient } from "graphql-sse";
import { SubscriptionClient } from "subscriptions-transport-ws";

const address = () => `ws://${location.host}/graphql`;

function told(error) {
  if (Array.isArray(error)) return error.map((each) => each.message);
  if (error instanceof CloseEvent) return { code: error.code, reason: error.reason };
  if (error.response) return { status: error.response.status };
  return error.message;
}

// Everything that a subscription says, in order; `after` follows what was heard last.
function listen(client, heard, query, variables) {
  return new Promise((done) => {
    client.subscribe({ query, variables }, {
      next: (result) => {
        heard.push(["next", result.data ?? result.errors.map((each) => each.message)]);
        if (result.data?.n !== undefined) variables.after = result.data.n;
      },
      error: (error) => { heard.push(["error", told(error)]); done(heard); },
      complete: () => { heard.push(["complete"]); done(heard); },
    });
  });
}

export const heard = {};

function start(name, client, query, variables) {
  heard[name] = [];
  return listen(client, heard[name], query, variables);
}

export function transport(name, token, query, variables = {}) {
  const client = createClient({
    url: address(),
    connectionParams: token ? { authorization: `Bearer ${token}` } : {},
    retryAttempts: 3,
    retryWait: () => Promise.resolve(),
  });
  return start(name, client, query, variables);
}

export function stream(name, token, query, variables = {}) {
  const client = createStreamClient({
    url: "/graphql",
    headers: token ? { authorization: `Bearer ${token}` } : {},
    retryAttempts: 3,
    retry: () => Promise.resolve(),
  });
  return start(name, client, query, variables);
}

export function legacy(name, token, query, variables = {}) {
  return new Promise((done) => {
    const client = new SubscriptionClient(address(), {
      connectionParams: token ? { authorization: `Bearer ${token}` } : {},
      reconnect: true,
      connectionCallback: (refused) => {
        if (!refused) return;
        heard[name].push(["refused", refused.message]);
        client.close();
        done(heard[name]);
      },
    });
    const subscribe = (request, sink) => client.request(request).subscribe(sink).unsubscribe;
    start(name, { subscribe }, query, variables).then(done);
  });
}

export * from "./queries.js";
