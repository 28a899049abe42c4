/* The texts of an Arrow array, one by one. */
#ifndef CLEANROOM_COLUMN_H
#define CLEANROOM_COLUMN_H

#include <string.h>

#include "digests.h"

static inline uint64_t text_offset(const text_column *c, size_t i)
{
    uint32_t narrow;
    uint64_t wide;
    if (c->wide) {
        memcpy(&wide, c->offsets + sizeof wide * i, sizeof wide);
        return wide;
    }
    memcpy(&narrow, c->offsets + sizeof narrow * i, sizeof narrow);
    return narrow;
}

/* Value i: 1 with its text, 0 for null and for no text, -1 where offsets do not fit the data. */
static inline int text_at(const text_column *c, size_t i, const uint8_t **text, size_t *bytes)
{
    const size_t at = c->first + i;
    if (c->validity != NULL && !(c->validity[at >> 3] >> (at & 7) & 1))
        return 0;
    const uint64_t begin = text_offset(c, at), end = text_offset(c, at + 1);
    if (begin > end || end > c->data_bytes)
        return -1;
    if (begin == end)
        return 0;
    *text = c->data + begin, *bytes = (size_t)(end - begin);
    return 1;
}

#endif
