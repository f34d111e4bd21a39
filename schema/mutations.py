"""What can be changed: all of it in one place, each change in its own module."""

import strawberry

from schema import exceptions, forecast_publishing, operations, ordering
from schema.acknowledging import ACKNOWLEDGE_PURCHASE_ORDER, DECIDE_ACKNOWLEDGEMENT
from schema.recommendations import APPROVE_RECOMMENDATION, REJECT_RECOMMENDATION


@strawberry.type(description="What can be changed. A change that is not taken says why.")
class Mutation:
    """The root of every change."""

    acknowledge_purchase_order = ACKNOWLEDGE_PURCHASE_ORDER
    decide_acknowledgement = DECIDE_ACKNOWLEDGEMENT
    create_purchase_order = ordering.CREATE_PURCHASE_ORDER
    validate_purchase_order = ordering.VALIDATE_PURCHASE_ORDER
    cancel_purchase_order = ordering.CANCEL_PURCHASE_ORDER
    publish_forecasts = forecast_publishing.PUBLISH_FORECASTS
    approve_recommendation = APPROVE_RECOMMENDATION
    reject_recommendation = REJECT_RECOMMENDATION
    replay_dead_letter = operations.REPLAY_DEAD_LETTER
    correct_dead_letter = operations.CORRECT_DEAD_LETTER
    discard_dead_letter = operations.DISCARD_DEAD_LETTER
    replay_events = operations.REPLAY_EVENTS
    assign_exception = exceptions.ASSIGN_EXCEPTION
    comment_exception = exceptions.COMMENT_EXCEPTION
    retry_exception = exceptions.RETRY_EXCEPTION
    resolve_exception = exceptions.RESOLVE_EXCEPTION
    cancel_exception = exceptions.CANCEL_EXCEPTION
