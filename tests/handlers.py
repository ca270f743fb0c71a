"""Five handlers as people write them, each with one mistake that public code made. They are there to be found out.

A handler takes a request and the rows that are kept, by ``CallSid``, and returns the status that it answers.
"""

JSON = "application/json"


def decoded(request):
    return request.get_json() if request.mimetype == JSON else request.form


def legs_lost_in_forms(request, rows):
    """Expect ``Legs`` to be a list, as in JSON. A form has ``Legs[0][Status]`` instead."""
    fields = decoded(request)
    legs = fields.get("Legs")
    rows[fields["CallSid"]] = {"legs": len(legs) if isinstance(legs, list) else 0}
    return 200


def multipart_refused(request, rows):
    """Accept JSON and urlencoded forms only. Exotel's default is multipart."""
    if request.mimetype not in {JSON, "application/x-www-form-urlencoded"}:
        return 400
    fields = decoded(request)
    rows[fields["CallSid"]] = {}
    return 200


def empty_number(request, rows):
    """Treat an empty number as a number."""
    fields = decoded(request)
    duration = fields.get("ConversationDuration")
    try:
        rows[fields["CallSid"]] = {"seconds": None if duration is None else int(duration)}
    except ValueError:
        return 500
    return 200


def second_answered_dropped(request, rows):
    """Treat an event of the same call and type as a redelivery."""
    fields = decoded(request)
    row = rows.setdefault(fields["CallSid"], {"seen": set(), "answered": 0})
    if fields["EventType"] not in row["seen"]:
        row["seen"].add(fields["EventType"])
        row["answered"] += fields["EventType"] == "answered"
    return 200


def late_event_undoes_a_finished_call(request, rows):
    """Treat the event that arrives last as the latest one."""
    fields = decoded(request)
    rows[fields["CallSid"]] = {"status": fields["Status"]}
    return 200
