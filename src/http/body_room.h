/* Memory for bodies that are kept whole: nobody's signature is known to be good before its body is there, so
 * what all of them take is bounded. Who comes when it is taken is told to come again; meanwhile the bodies
 * that have been coming for the longest are cut off. */
#pragma once

#include "http/inflight.h"

#define BODY_ROOM_FREE 16384 /* shorter ones are not counted */

/* Whether there is room for the request's body; kept until given back. */
bool body_room_take(struct inflight *flight);
void body_room_give(struct inflight *flight);
