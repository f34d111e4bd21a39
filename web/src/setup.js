// What the page is told by its server: endpoint, tabs and, in a demo, a token per role.

const ADDRESS = "/graphiql/config.json";

const text = (value) =>
  value === undefined || value === null || typeof value === "string"
    ? (value ?? "")
    : JSON.stringify(value, null, 2);

/** The set-up with every part present; throws an Error that a person can read. */
export async function readSetup() {
  const answer = await fetch(ADDRESS, { headers: { accept: "application/json" } });
  if (!answer.ok) {
    throw new Error(`${ADDRESS} answered ${answer.status}`);
  }
  const { endpoint = "/graphql", tabs = [], tokens = [] } = await answer.json();
  return {
    endpoint,
    tokens,
    tabs: tabs.map(({ title, query, variables, headers }) => ({
      // GraphiQL names a tab by its operation and has no other place for a title.
      query: title ? `# ${title}\n${text(query)}` : text(query),
      variables: text(variables),
      headers: text(headers),
    })),
  };
}
