/* SPDX-License-Identifier: BSD-2-Clause */
#include "setting_lists.h"

#include <stdio.h>
#include <string.h>

#define BITS_MAX   256
#define DOMAIN_MAX 31 /* bytes of a domain's name */

struct item {
    const char *at;
    size_t size;
};

/* The item at *rest, which moves past it; false at the end. */
static bool next_item(const char **rest, struct item *item)
{
    if (!*rest)
        return false;
    *item = (struct item){*rest, strcspn(*rest, ",")};
    *rest = (*rest)[item->size] ? *rest + item->size + 1 : NULL;
    return true;
}

/* "DOMAIN.BIT": a domain's name may have dots itself. */
static bool parse_bit(const struct item *item, size_t *domain_size, unsigned *bit)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
    const char *dot = memrchr(item->at, '.', item->size);
    size_t digits = dot ? item->size - (size_t)(dot - item->at) - 1 : 0;
    unsigned n = 0;

    if (digits == 0 || digits > 3 || dot == item->at || (size_t)(dot - item->at) > DOMAIN_MAX)
        return false;
    for (size_t i = 1; i <= digits; i++) {
        if (dot[i] < '0' || dot[i] > '9')
            return false;
        n = n * 10 + (unsigned)(dot[i] - '0');
    }
    *domain_size = (size_t)(dot - item->at);
    *bit = n;
    return n < BITS_MAX && strspn(item->at, plain) >= *domain_size;
}

static bool parse_digest(const struct item *item, struct hf_digest *digest)
{
    char text[HF_DIGEST_TEXT_SIZE];

    if (item->size != sizeof text - 1)
        return false;
    memcpy(text, item->at, item->size);
    text[item->size] = '\0';
    return hf_digest_parse(text, digest);
}

int hf_setting_list_check(const struct hf_setting *s, const char *value, struct hf_error *err)
{
    const char *rest = value[0] ? value : NULL;
    struct hf_digest digest;
    struct item item;
    size_t size;
    unsigned bit;

    while (next_item(&rest, &item)) {
        if (s->type == HF_SETTING_BITS ? parse_bit(&item, &size, &bit) : parse_digest(&item, &digest))
            continue;
        return hf_error_set(
            err, HF_EUSAGE, "%s: '%.*s' is not %s", s->key, (int)(item.size < 80 ? item.size : 80), item.at,
            s->type == HF_SETTING_BITS ? "DOMAIN.BIT with a bit from 0 to 255" : "a SHA-256 of 64 hexadecimal digits");
    }
    return 0;
}

bool hf_setting_has_bit(const char *value, const char *domain, unsigned bit)
{
    const char *rest = value;
    struct item item;
    size_t size;
    unsigned n;

    while (next_item(&rest, &item)) {
        if (parse_bit(&item, &size, &n) && n == bit && size == strlen(domain) && !memcmp(item.at, domain, size))
            return true;
    }
    return false;
}

bool hf_setting_has_digest(const char *value, const struct hf_digest *digest)
{
    const char *rest = value;
    struct hf_digest found;
    struct item item;

    while (next_item(&rest, &item)) {
        if (parse_digest(&item, &found) && hf_digest_equal(&found, digest))
            return true;
    }
    return false;
}
