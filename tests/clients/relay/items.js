// What relay-compiler reads; the program imports what it makes of it.
graphql`
  query itemsQuery($count: Int!, $cursor: String) {
    items(first: $count, after: $cursor) @connection(key: "items_items") {
      edges {
        node {
          id
          sku
        }
      }
    }
  }
`;
