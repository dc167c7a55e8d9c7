/* The readers of times: what any of them reads comes back through its own text form. */
#include "fuzz.h"
#include "wire/time.h"

void fuzz_one(struct str input)
{
    char text[TIME_TEXT_SIZE];
    int64_t ms, back;

    if (time_parse_amz(input, &ms)) {
        time_amz(ms, text);
        assert(time_parse_amz(str_of(text), &back) && back == ms);
    }
    if (time_parse_http(input, &ms)) {
        time_http(ms, text);
        assert(time_parse_http(str_of(text), &back) && back == ms);
    }
    if (time_parse_iso8601(input, &ms) && ms > INT64_C(-62167219200000) && ms < INT64_C(253402300800000)) {
        time_iso8601(ms, text);
        assert(time_parse_iso8601(str_of(text), &back) && back == ms);
    }
}
