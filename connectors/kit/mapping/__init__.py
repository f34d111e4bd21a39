"""The mapping language: what a preset or manifest says of a system's rows, and its compiled form.

As written: `model` (presets, entities), `fields` and `when` (forms of fields and conditions),
`shape` (what canonical columns hold), `presets` (shipped ones, and a manifest's overrides).
Compiled: `paths`, `convert` (values), `conditions`, `compiler` (fields), `needs` (paths that
columns take), `builder` (rows to records), `translate` (criteria to a system's own tests).
For many rows at once: `batch` (values by path), `columnform` (what is done with them), `records`
(fields), `makers` (generated functions).
"""
