/* From a column of texts to identities: the rules of identifiers/normalise.py for ASCII.
 *
 * A value that the rules for ASCII do not decide is left to Python, which is the reference.
 */

#include "column.h"
#include "sha256.h"
#include "stage.h"

enum {
    MAX_CHARS = 1024, /* as in normalise.py */
    MAX_UTF8 = 4,     /* bytes of a character */
    BASE64_CHARS = 44,
    UUID_CHARS = 36,
};
_Static_assert(MAX_CHARS + 9 <= MAX_BLOCKS * BLOCK, "no value is hashed alone: adding it cannot fail");

/* Values of digits below 128, -1 for what is none; which digits come is as good as random. */
typedef struct {
    int8_t hex[128], base64[128];
} digits;

typedef struct {
    stage messages;
    digits digits;
} rules;

static uint8_t hash_text(rules *r, const uint8_t *text, size_t bytes, size_t i)
{
    stage_add(&r->messages, text, bytes, i);
    return DONE;
}

static int is_ascii(const uint8_t *text, size_t bytes)
{
    uint64_t all = 0, eight;
    for (; bytes >= 8; text += 8, bytes -= 8) {
        memcpy(&eight, text, 8);
        all |= eight;
    }
    while (bytes--)
        all |= *text++;
    return (all & 0x8080808080808080) == 0;
}

/* What Python's \s matches in ASCII: it counts the four separators before the space. */
static int is_space(uint8_t c) { return (c >= 9 && c <= 13) || (c >= 28 && c <= 32); }
static int is_gap(uint8_t c) { return c <= 32 || c == 127; }
static int is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
static int is_letter(uint8_t c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }
static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? c | 32 : c; }

static void set_range(int8_t *values, char from, int n, int value)
{
    for (int k = 0; k < n; k++)
        values[from + k] = (int8_t)(value + k);
}

static digits all_digits(void)
{
    digits d;
    memset(&d, -1, sizeof d);
    set_range(d.hex, '0', 10, 0), set_range(d.hex, 'a', 6, 10), set_range(d.hex, 'A', 6, 10);
    set_range(d.base64, 'A', 26, 0), set_range(d.base64, 'a', 26, 26), set_range(d.base64, '0', 10, 52);
    d.base64['+'] = 62, d.base64['/'] = 63;
    return d;
}

/* For gmail.com: drops dots and a +suffix from the `local` bytes, and closes up. */
static size_t one_mailbox(uint8_t *text, size_t local, size_t bytes)
{
    size_t kept = 0;
    for (size_t i = 0; i < local && text[i] != '+'; i++)
        if (text[i] != '.')
            text[kept++] = text[i];
    memmove(text + kept, text + local, bytes - local);
    return kept + bytes - local;
}

static uint8_t email(rules *r, const uint8_t *bare, size_t bytes, size_t i)
{
    static const char GMAIL[] = "@gmail.com";
    enum { GMAIL_BYTES = sizeof GMAIL - 1 };
    uint8_t text[MAX_CHARS];
    unsigned gaps = 0, ats = 0;
    for (size_t k = 0; k < bytes; k++) {
        gaps |= (unsigned)is_gap(bare[k]);
        ats += bare[k] == '@';
        text[k] = lower(bare[k]);
    }
    if (gaps || ats != 1)
        return NOT_AN_EMAIL;
    const size_t local = (size_t)((uint8_t *)memchr(text, '@', bytes) - text);
    if (bytes - local == GMAIL_BYTES && memcmp(text + local, GMAIL, GMAIL_BYTES) == 0)
        bytes = one_mailbox(text, local, bytes);
    if (text[0] == '@' || text[bytes - 1] == '@')
        return NOT_AN_EMAIL;
    return hash_text(r, text, bytes, i);
}

static uint8_t phone(rules *r, const uint8_t *bare, size_t bytes, size_t i)
{
    int canonical = bytes >= 11 && bytes <= 16 && bare[0] == '+' && bare[1] != '0';
    for (size_t k = 1; canonical && k < bytes; k++)
        canonical = is_digit(bare[k]);
    if (canonical)
        return hash_text(r, bare, bytes, i);
    for (size_t k = 0; k < bytes; k++)
        if (is_letter(bare[k]))
            return NOT_A_PHONE;
    return UNDECIDED;
}

static uint8_t device_id(rules *r, const uint8_t *bare, size_t bytes, size_t i)
{
    uint8_t text[UUID_CHARS];
    int any = 0;
    if (bytes != UUID_CHARS)
        return NOT_A_DEVICE_ID;
    for (int k = 0; k < UUID_CHARS; k++) {
        const int is_hyphen = k == 8 || k == 13 || k == 18 || k == 23;
        if (is_hyphen ? bare[k] != '-' : r->digits.hex[bare[k]] < 0)
            return NOT_A_DEVICE_ID;
        any |= !is_hyphen && bare[k] != '0';
        text[k] = lower(bare[k]);
    }
    if (!any)
        return ZERO_DEVICE_ID;
    return hash_text(r, text, bytes, i);
}

static int read_hex(const int8_t *values, uint8_t digest[DIGEST], const uint8_t *bare)
{
    int bad = 0;
    for (int k = 0; k < DIGEST; k++) {
        const int high = values[bare[2 * k]], low = values[bare[2 * k + 1]];
        bad |= high | low;
        digest[k] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
    }
    return bad >= 0;
}

/* 43 digits are 258 bits: the last two must be zero, or two spellings would be one hash. */
static int read_base64(const int8_t *values, uint8_t digest[DIGEST], const uint8_t *bare)
{
    uint32_t bits = 0;
    int have = 0, at = 0;
    if (bare[BASE64_CHARS - 1] != '=')
        return 0;
    for (int k = 0; k < BASE64_CHARS - 1; k++) {
        const int digit = values[bare[k]];
        if (digit < 0)
            return 0;
        bits = bits << 6 | (uint32_t)digit, have += 6;
        if (have >= 8)
            have -= 8, digest[at++] = (uint8_t)(bits >> have);
    }
    return (bits & 3) == 0;
}

static uint8_t ready_hash(rules *r, const uint8_t *bare, size_t bytes, size_t i)
{
    static const uint8_t NOTHING[DIGEST] = { /* SHA-256 of no bytes */
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
        0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    };
    uint8_t digest[DIGEST];
    if (!(bytes == 2 * DIGEST && read_hex(r->digits.hex, digest, bare))
        && !(bytes == BASE64_CHARS && read_base64(r->digits.base64, digest, bare)))
        return NOT_A_HASH;
    if (memcmp(digest, NOTHING, DIGEST) == 0)
        return HASH_OF_NOTHING;
    memcpy(r->messages.out + DIGEST * i, digest, DIGEST);
    return DONE;
}

static uint8_t identify(rules *r, value_kind kind, const uint8_t *text, size_t bytes, size_t i)
{
    if (bytes > MAX_CHARS * MAX_UTF8)
        return TOO_LONG;
    if (!is_ascii(text, bytes))
        return UNDECIDED;
    if (bytes > MAX_CHARS)
        return TOO_LONG;
    while (bytes && is_space(text[bytes - 1]))
        bytes--;
    while (bytes && is_space(text[0]))
        text++, bytes--;
    if (bytes == 0)
        return EMPTY;
    switch (kind) {
    case EMAIL:
        return email(r, text, bytes, i);
    case PHONE:
        return phone(r, text, bytes, i);
    case DEVICE_ID:
        return device_id(r, text, bytes, i);
    case READY_HASH:
        return ready_hash(r, text, bytes, i);
    default: /* an identifier that a party issued: its case is its own, and ASCII is in NFC */
        return hash_text(r, text, bytes, i);
    }
}

static int identify_all(rules *r, value_kind kind, const text_column *c, uint8_t *status)
{
    for (size_t i = 0; i < c->n; i++) {
        const uint8_t *text;
        size_t bytes;
        const int found = text_at(c, i, &text, &bytes);
        if (found < 0)
            return MISFIT;
        status[i] = found ? identify(r, kind, text, bytes, i) : EMPTY;
    }
    stage_flush(&r->messages);
    return 0;
}

int identify_column(hash_many *hash, value_kind kind, const text_column *column, uint8_t *out, uint8_t *status)
{
    rules r = {.digits = all_digits()};
    if (stage_open(&r.messages, hash, out) < 0)
        return NO_MEMORY;
    const int result = identify_all(&r, kind, column, status);
    stage_close(&r.messages);
    return result;
}
