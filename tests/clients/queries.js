// Clients of queries as people install them, each used as its manual says.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { BatchHttpLink } from "@apollo/client/link/batch-http";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import { cacheExchange, createClient as createUrql, fetchExchange, subscriptionExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { serverAudits } from "graphql-http";
import { createClient as createSockets } from "graphql-ws";
import {
  Environment, Network, RecordSource, Store, createOperationDescriptor, fetchQuery,
} from "relay-runtime";
import itemsQuery from "./relay/__generated__/itemsQuery.graphql.js";

const PATH = "/graphql";
const ITEMS = `query Items($after: String) {
  items(first: 4, after: $after) { edges { cursor node { id sku } } pageInfo { hasNextPage endCursor } }
}`;

const bearer = (token) => ({ authorization: `Bearer ${token}` });
const sockets = (token) =>
  createSockets({ url: `ws://${location.host}${PATH}`, connectionParams: bearer(token) });

async function sha256(text) {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, "0")).join("");
}

// Everything that was sent, in order: the method, and whether the text of the document went with it.
const sent = [];
async function noted(input, init = {}) {
  const address = decodeURIComponent(String(input));
  const response = await fetch(input, init);
  const withText = /"query":"|[?&]query=/.test(`${address} ${init.body ?? ""}`);
  sent.push([init.method ?? "GET", withText ? "text" : "name", response.status]);
  return response;
}

// How each audit of GraphQL over HTTP ended, as a client with a token or a stranger.
export async function audits(token) {
  const told = [];
  const fetchFn = (url, init) =>
    fetch(url, { ...init, headers: { ...init?.headers, ...(token ? bearer(token) : {}) } });
  for (const audit of serverAudits({ url: `${location.origin}${PATH}`, fetchFn })) {
    const result = await audit.fn();
    told.push([result.status, audit.name]);
  }
  return told;
}

function apolloClient(links) {
  return new ApolloClient({
    link: ApolloLink.from(links),
    cache: new InMemoryCache({
      typePolicies: { Query: { fields: { items: relayStylePagination() } } },
    }),
  });
}

const http = (token) => new HttpLink({ uri: PATH, headers: bearer(token), fetch: noted });

// Page after page, put together by the cache.
export async function apolloPages(token) {
  const client = apolloClient([http(token)]);
  const watched = client.watchQuery({ query: gql(ITEMS) });
  const first = await client.query({ query: gql(ITEMS) });
  let { hasNextPage, endCursor } = first.data.items.pageInfo;
  while (hasNextPage) {
    const more = await watched.fetchMore({ variables: { after: endCursor } });
    ({ hasNextPage, endCursor } = more.data.items.pageInfo);
  }
  return client.readQuery({ query: gql(ITEMS) }).items.edges.map((e) => e.node.sku);
}

export async function apolloErrors(token, query) {
  const client = apolloClient([http(token)]);
  const result = await client.query({ query: gql(query), errorPolicy: "all", fetchPolicy: "no-cache" });
  return { data: result.data ?? null, codes: result.error.errors.map((e) => e.extensions.code) };
}

// The same question twice: first the name alone, then both, then the name alone, by GET.
export async function apolloPersisted(token) {
  sent.length = 0;
  const named = new PersistedQueryLink({ sha256, useGETForHashedQueries: true });
  const client = apolloClient([named, http(token)]);
  const skus = [];
  for (let i = 0; i < 2; i += 1) {
    const { data } = await client.query({ query: gql(ITEMS), fetchPolicy: "network-only" });
    skus.push(data.items.edges.length);
  }
  return { skus, sent: [...sent] };
}

export async function apolloBatch(token) {
  sent.length = 0;
  const link = new BatchHttpLink({ uri: PATH, headers: bearer(token), fetch: noted, batchInterval: 20 });
  const client = apolloClient([link]);
  const asked = ["{ viewer { subject } }", '{ item(sku: "I3") { sku } }', '{ item(sku: "I4") { sku } }'];
  const all = await Promise.all(asked.map((q) => client.query({ query: gql(q) })));
  return { data: all.map((a) => a.data), sent: [...sent] };
}

export function apolloSubscription(token, query, variables) {
  const client = apolloClient([new GraphQLWsLink(sockets(token))]);
  return collected(client.subscribe({ query: gql(query), variables }));
}

function collected(observable) {
  return new Promise((done, failed) => {
    const heard = [];
    observable.subscribe({
      next: (result) => heard.push(result.data),
      error: failed,
      complete: () => done(heard),
    });
  });
}

function urqlClient(token, exchanges, more = {}) {
  return createUrql({ url: PATH, exchanges, fetch: noted, fetchOptions: { headers: bearer(token) }, ...more });
}

export async function urqlQuery(token, query, variables = {}) {
  const client = urqlClient(token, [cacheExchange, fetchExchange]);
  const { data, error } = await client.query(query, variables).toPromise();
  return { data: data ?? null, codes: error ? error.graphQLErrors.map((e) => e.extensions.code) : [] };
}

export async function urqlPersisted(token) {
  sent.length = 0;
  const named = persistedExchange({ preferGetForPersistedQueries: true });
  const client = urqlClient(token, [named, fetchExchange]);
  const counts = [];
  for (let i = 0; i < 2; i += 1) {
    const { data } = await client.query(ITEMS.replace("Items", "UrqlItems"), {}).toPromise();
    counts.push(data.items.edges.length);
  }
  return { counts, sent: [...sent] };
}

export function urqlSubscription(token, query, variables, overFetch) {
  const overSocket = subscriptionExchange({
    forwardSubscription: (request) => ({
      subscribe: (sink) => ({
        unsubscribe: sockets(token).subscribe({ ...request, query: request.query ?? "" }, sink),
      }),
    }),
  });
  const exchanges = overFetch ? [fetchExchange] : [overSocket];
  const client = urqlClient(token, exchanges, overFetch ? { fetchSubscriptions: true } : {});
  return new Promise((done) => {
    const heard = [];
    client.subscription(query, variables).subscribe((result) => {
      if (result.hasNext) heard.push(result.data ?? result.error.message);
      else done(heard); // the last one is told again at the end
    });
  });
}

// Page after page, put together by the handler of @connection.
export async function relayPages(token) {
  const network = Network.create(async (operation, variables) => {
    const body = JSON.stringify({ query: operation.text, variables });
    const headers = { "content-type": "application/json", ...bearer(token) };
    return (await fetch(PATH, { method: "POST", headers, body })).json();
  });
  const environment = new Environment({ network, store: new Store(new RecordSource()) });
  const first = createOperationDescriptor(itemsQuery, { count: 4, cursor: null });
  const kept = environment.retain(first);
  let cursor = null;
  do {
    await fetchQuery(environment, itemsQuery, { count: 4, cursor }).toPromise();
    const { items } = environment.lookup(first.fragment).data;
    cursor = items.pageInfo.hasNextPage ? items.pageInfo.endCursor : null;
  } while (cursor !== null);
  const skus = environment.lookup(first.fragment).data.items.edges.map((e) => e.node.sku);
  kept.dispose();
  return skus;
}
