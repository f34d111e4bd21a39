"""The business objects as typed records, with their ids, quantities, errors, criteria and ports."""
