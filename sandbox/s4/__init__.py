"""A pretend S/4HANA: OData V2 services over the world, with the habits of the real ones."""
