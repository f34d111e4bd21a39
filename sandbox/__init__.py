"""A whole pretend distributor: seeded data, and servers that speak the real protocols.

`world` is the distributor itself; `s4`, `coupa` and `frepple` each show their part of it the way
the real product would; `launch` starts them. Nothing here is imported by the product.
"""
