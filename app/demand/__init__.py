"""Demand control: what a document may hold, what an operation may cost, how much a caller may ask.

text -> lexing -> parse -> measures -> validation      once for a text, kept with it
     -> costs: a price by its variables                once for a text
     -> gate: a rate for each caller, operations at a time
"""
