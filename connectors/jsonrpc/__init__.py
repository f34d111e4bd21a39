"""JSON-RPC as Tryton and Odoo speak it.

reader.py    questions to a system: pages, batches by value, description
opening.py   which dialect, and who signs in
plan.py      what one question needs, told apart by where it is read; places in a list
local.py     what is decided here of a question: attached rows, rows that are split
fan_out.py   small datasets that others are read along (stock: one call per warehouse)
dialect.py   what a dialect offers: search, count, fields of a model
tryton/, odoo/   the dialects
"""
