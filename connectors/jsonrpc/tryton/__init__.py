"""Tryton's dialect: sessions, typed JSON, domains in nested lists, dotted field names."""
