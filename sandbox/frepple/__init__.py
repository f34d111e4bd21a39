"""A pretend frePPLe: the planning data behind a Django REST framework interface."""
