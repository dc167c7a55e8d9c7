/* Random identifiers from the kernel's generator. */
#pragma once

#include "base/base.h"

#define ID_UUID_SIZE 37

void id_random(void *bytes, size_t len); /* the kernel's, at each call: keys and nonces too */
void id_uuid(char ret[ID_UUID_SIZE]);    /* RFC 9562 version 4, lower case */
/* Version 7: later ones sort after earlier ones, so that rows with such keys are neighbours in the database.
 * The beginning is the time: neither to be cut short nor to be kept secret. */
void id_uuid_ordered(char ret[ID_UUID_SIZE]);
uint64_t id_number(void);                /* as unlikely to come again as a UUID's half; no secret */
void id_hex(char *ret, size_t digits);   /* `digits` hex digits and a NUL */
void id_base32(char *ret, size_t chars); /* upper-case A-Z2-7 and a NUL (access key ids) */
void id_base62(char *ret, size_t chars); /* letters and digits and a NUL (version ids, secrets) */
