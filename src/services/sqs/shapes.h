/* Field tables of sqs's operations. JSON names are AWS's JSON 1.0 names; wire names are Query's. */
#pragma once

#include "services/service.h"

extern const struct shape create_queue_in, create_queue_out, get_queue_url_in, list_queues_in,
    list_queues_out;
extern const struct shape queue_in, get_attributes_in, get_attributes_out, set_attributes_in;
extern const struct shape list_sources_in, list_sources_out, tag_queue_in, untag_queue_in,
    list_queue_tags_out;
extern const struct shape add_permission_in, remove_permission_in;
extern const struct shape send_in, send_out, send_batch_in, send_batch_out, receive_in, receive_out;
extern const struct shape delete_message_in, delete_batch_in, delete_batch_out, change_visibility_in;
extern const struct shape change_batch_in, change_batch_out;
