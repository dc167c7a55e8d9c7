/* The operations of sns. */
#pragma once

#include "services/service.h"
#include "services/sns/topic.h"

/* Loads the caller's topic that `member` names. SNS_E_PARAMETER, SNS_E_DENIED, SNS_E_NOT_FOUND. */
int api_sns_topic(struct call *c, const char *member, struct topic *ret) MUST_USE;

int sns_create_topic(struct call *c);
int sns_delete_topic(struct call *c);
int sns_list_topics(struct call *c);
int sns_get_topic_attributes(struct call *c);
int sns_set_topic_attributes(struct call *c);
int sns_tag_resource(struct call *c);
int sns_untag_resource(struct call *c);
int sns_list_tags(struct call *c);

int sns_subscribe(struct call *c);
int sns_confirm_subscription(struct call *c);
int sns_unsubscribe(struct call *c);
int sns_list_subscriptions(struct call *c);
int sns_list_subscriptions_by_topic(struct call *c);
int sns_get_subscription_attributes(struct call *c);
int sns_set_subscription_attributes(struct call *c);

int sns_publish(struct call *c);
int sns_publish_batch(struct call *c);

int sns_get_signing_certificate(struct call *c);
int sns_poll_for_deliveries(struct call *c);
int sns_put_delivery_result(struct call *c);
int sns_list_deliveries(struct call *c);
int sns_retry_delivery(struct call *c);
