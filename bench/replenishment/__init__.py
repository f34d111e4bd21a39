"""The nightly run: 200,000 revisions, evaluated in batches and held against another calculation."""
