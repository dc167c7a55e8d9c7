/* Field tables of sns. */
#pragma once

#include "services/operation.h"

extern const struct shape sns_create_topic_in;
extern const struct shape sns_topic_out;
extern const struct shape sns_topic_in;
extern const struct shape sns_page_in;
extern const struct shape sns_topics_out;
extern const struct shape sns_attributes_out;
extern const struct shape sns_set_topic_in;
extern const struct shape sns_tag_in;
extern const struct shape sns_untag_in;
extern const struct shape sns_resource_in;
extern const struct shape sns_tags_out;
extern const struct shape sns_empty_out;
extern const struct shape sns_subscribe_in;
extern const struct shape sns_subscription_out;
extern const struct shape sns_confirm_in;
extern const struct shape sns_subscription_in;
extern const struct shape sns_by_topic_in;
extern const struct shape sns_subscriptions_out;
extern const struct shape sns_set_subscription_in;
extern const struct shape sns_publish_in;
extern const struct shape sns_publish_out;
extern const struct shape sns_batch_in;
extern const struct shape sns_batch_out;
extern const struct shape sns_certificate_in;
extern const struct shape sns_poll_in;
extern const struct shape sns_poll_out;
extern const struct shape sns_result_in;
extern const struct shape sns_list_deliveries_in;
extern const struct shape sns_list_deliveries_out;
extern const struct shape sns_delivery_in;
