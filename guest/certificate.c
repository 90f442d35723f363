/* SPDX-License-Identifier: BSD-2-Clause */
#include "certificate.h"

#include <stdio.h>
#include <string.h>

#include <holdfast/siglist.h>

#include "cursor.h"

enum { INTEGER = 0x02, UTC_TIME = 0x17, GENERALIZED_TIME = 0x18, SEQUENCE = 0x30, VERSION = 0xa0 };

/* The contents of the element at the cursor, which moves past it; its tag. X.690, 8.1: lengths of up to four bytes. */
static struct hf_cursor element(struct hf_cursor *c, uint8_t *tag)
{
    uint32_t length, more;

    *tag = hf_cursor_u8(c);
    length = hf_cursor_u8(c);
    if (length >= 0x80) {
        more = length & 0x7f;
        if (more == 0 || more > 4)
            c->bad = true; /* of no length, or of more than any certificate has */
        for (length = 0; more > 0; more--)
            length = length << 8 | hf_cursor_u8(c);
    }
    return hf_cursor_sub(c, length);
}

/* The same where only one tag may stand. */
static struct hf_cursor expect(struct hf_cursor *c, uint8_t wanted)
{
    uint8_t tag;
    struct hf_cursor inside = element(c, &tag);

    inside.bad = inside.bad || tag != wanted;
    c->bad = c->bad || inside.bad;
    return inside;
}

static bool digits(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

/* The day of a UTCTime (YYMMDD...) or GeneralizedTime (YYYYMMDD...); RFC 5280, 4.1.2.5. */
static bool read_day(struct hf_cursor *c, char day[11])
{
    uint8_t tag;
    struct hf_cursor time = element(c, &tag);
    size_t year = tag == GENERALIZED_TIME ? 4 : 2;
    char text[8];

    hf_cursor_copy(&time, text, year + 4);
    if (time.bad || (tag != UTC_TIME && tag != GENERALIZED_TIME) || !digits(text, year + 4))
        return false;
    (void)snprintf(day, 11, "%s%.*s-%.2s-%.2s",
                   year == 4       ? ""
                   : text[0] < '5' ? "20"
                                   : "19",
                   (int)year, text, text + year, text + year + 2);
    return true;
}

bool certificate_read(const uint8_t *der, size_t size, struct certificate *ret)
{
    struct hf_cursor all = hf_cursor_of(der, size), outer = expect(&all, SEQUENCE), body = expect(&outer, SEQUENCE);
    struct certificate found = {.subject = "?"};
    struct hf_cursor validity, subject;
    const uint8_t *first = body.base;
    uint8_t tag;

    if (all.bad || outer.bad || body.bad || hf_cursor_left(&all) > 0)
        return false;
    if (body.size > 0 && *first == VERSION)
        (void)element(&body, &tag);
    (void)expect(&body, INTEGER);  /* serial number */
    (void)expect(&body, SEQUENCE); /* algorithm */
    (void)expect(&body, SEQUENCE); /* issuer */
    validity = expect(&body, SEQUENCE);
    subject = expect(&body, SEQUENCE);
    (void)element(&validity, &tag); /* from */
    if (body.bad || !read_day(&validity, found.until))
        return false;
    (void)hf_certificate_name(subject.base, subject.size, found.subject, sizeof found.subject);
    *ret = found;
    return true;
}
