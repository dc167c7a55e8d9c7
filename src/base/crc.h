/* Cyclic redundancy checks: CRC-32 (ISO-HDLC), CRC-32C (iSCSI), CRC-64/NVME. All are reflected, and all ones
 * at both ends. With the processor's carry-less multiplication at the speed of memory. */
#pragma once

#include "base/base.h"

enum crc_type { CRC_32, CRC_32C, CRC_64NVME, CRC_TYPES };

size_t crc_size(enum crc_type type); /* bytes: 4 or 8 */
uint64_t crc_begin(enum crc_type type);
uint64_t crc_update(enum crc_type type, uint64_t state, const void *bytes, size_t len);
/* Big-endian, crc_size() bytes. */
void crc_end(enum crc_type type, uint64_t state, unsigned char ret[8]);
uint64_t crc_value(enum crc_type type, uint64_t state); /* the same as a number */
