"""Replenishment recommendations: lists."""

from canonical.criteria import Sort
from canonical.entities import EntityName
from resolvers.reading import root_list

recommendations = root_list(EntityName.RECOMMENDATION, Sort("need_by"))
"""A page of recommendations, by the day on which the goods are needed."""
