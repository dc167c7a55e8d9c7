/* Times as text. All UTC; milliseconds since the Unix epoch. */
#pragma once

#include "base/base.h"

#define TIME_TEXT_SIZE 40

void time_iso8601(int64_t ms, char ret[TIME_TEXT_SIZE]);   /* 2026-11-23T09:15:00.123Z */
void time_iso8601_s(int64_t ms, char ret[TIME_TEXT_SIZE]); /* 2026-11-23T09:15:00Z */
void time_amz(int64_t ms, char ret[TIME_TEXT_SIZE]);       /* 20261123T091500Z */
void time_http(int64_t ms, char ret[TIME_TEXT_SIZE]);      /* Mon, 23 Nov 2026 09:15:00 GMT */
bool time_parse_amz(struct str s, int64_t *ret_ms);
bool time_parse_http(struct str s, int64_t *ret_ms);     /* the three forms of RFC 9110 §5.6.7 */
bool time_parse_iso8601(struct str s, int64_t *ret_ms);  /* with Z or an offset, with or without fraction */
bool time_parse_day(struct str s, int64_t *ret_ms);      /* the same, or 2026-11-23: its midnight */
bool time_parse_duration(struct str s, int64_t *ret_ms); /* 45s, 30m, 12h, 400d */
