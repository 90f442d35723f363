/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's half. Freestanding: the only functions it may call are memcpy, memset, memcmp. */
#include <holdfast/negotiate_guest.h>

/* More domains than this is the host's mistake. */
#define ROWS_MAX 4096u

static bool same_name(const char *padded, const char *name)
{
    size_t i = 0;

    for (; i < HF_NEGOTIATE_NAME_SIZE && padded[i] != '\0' && padded[i] == name[i]; i++)
        ;
    return i < HF_NEGOTIATE_NAME_SIZE && padded[i] == '\0' && name[i] == '\0';
}

void hf_negotiate_close(struct hf_bits *set, const struct hf_negotiate_rule *rules, size_t n_rules)
{
    bool again = true;

    while (again) { /* each turn drops a bit, so there are at most 256 */
        again = false;
        for (size_t i = 0; i < n_rules; i++)
            if (hf_bits_has(set, rules[i].bit) && !hf_bits_has(set, rules[i].needs)) {
                hf_bits_drop(set, rules[i].bit);
                again = true;
            }
    }
}

int hf_negotiate_request_fill(struct hf_negotiate_request *request, const char *domain, uint32_t version,
                              const struct hf_bits *bits)
{
    size_t n = 0;

    while (n < HF_NEGOTIATE_NAME_SIZE && domain[n] != '\0')
        n++;
    if (n == 0 || n == HF_NEGOTIATE_NAME_SIZE)
        return -HF_EUSAGE;
    __builtin_memset(request, 0, sizeof *request);
    __builtin_memcpy(request->magic, HF_NEGOTIATE_REQUEST_MAGIC, sizeof request->magic);
    request->version = hf_le32_of(HF_NEGOTIATE_VERSION);
    request->domain_version = hf_le32_of(version);
    __builtin_memcpy(request->domain, domain, n);
    request->wanted = *bits;
    return 0;
}

int hf_negotiate_find(const struct hf_negotiate_port *port, const char *domain, struct hf_negotiate_row *ret)
{
    struct hf_negotiate_directory head;
    struct hf_negotiate_row row;
    uint32_t head_size, row_size, count;
    int r = port->read_directory(port->opaque, 0, &head, sizeof head);

    if (r < 0)
        return r;
    head_size = hf_le32_get(head.head_size);
    row_size = hf_le32_get(head.row_size);
    count = hf_le32_get(head.count);
    if (__builtin_memcmp(head.magic, HF_NEGOTIATE_DIRECTORY_MAGIC, sizeof head.magic) != 0 || head_size < sizeof head ||
        row_size < sizeof row || head_size > 1u << 16 || row_size > 1u << 12 || count > ROWS_MAX)
        return -HF_EPROTO;
    if (hf_le32_get(head.version) != HF_NEGOTIATE_VERSION)
        return -HF_ENOTFOUND;
    for (uint32_t i = 0; i < count; i++) {
        r = port->read_directory(port->opaque, head_size + i * row_size, &row, sizeof row);
        if (r < 0)
            return r;
        if (same_name(row.name, domain)) {
            *ret = row;
            return 0;
        }
    }
    return -HF_ENOTFOUND;
}

static void keep_common(struct hf_bits *set, const struct hf_bits *other)
{
    for (size_t i = 0; i < sizeof set->byte; i++)
        set->byte[i] &= other->byte[i];
}

/* What to do after an answer: 1 ask again with a smaller set, 0 done, else the error. */
static int judge(const struct hf_negotiate_answer *a, const struct hf_negotiate_want *want,
                 struct hf_negotiate_request *q)
{
    static const struct hf_bits none;
    uint32_t bit = hf_le32_get(a->bit);

    switch (hf_le32_get(a->status)) {
    case HF_NEGOTIATE_ACCEPTED:
        return hf_bits_equal(&a->agreed, &q->wanted) ? 0 : -HF_EPROTO;
    case HF_NEGOTIATE_UNKNOWN_DOMAIN:
    case HF_NEGOTIATE_OTHER_VERSION:
        return -HF_ENOTFOUND;
    case HF_NEGOTIATE_IS_LOCKED: /* an earlier instance of this driver agreed; its set is good when we want it all */
        if (hf_bits_missing(&a->agreed, &want->bits) != HF_NEGOTIATE_NO_BIT)
            return -HF_EREFUSED;
        q->wanted = a->agreed;
        return 0;
    case HF_NEGOTIATE_UNSUPPORTED:
    case HF_NEGOTIATE_NOT_CLOSED:
        if (hf_bits_has(&q->wanted, bit)) {
            hf_bits_drop(&q->wanted, bit);
            hf_negotiate_close(&q->wanted, want->rules, want->n_rules);
            return 1;
        }
        if (hf_bits_equal(&q->wanted, &none))
            return -HF_EPROTO;
        q->wanted = none; /* it complains about a bit that we did not ask for: the empty set is last */
        return 1;
    default:
        return -HF_EPROTO;
    }
}

int hf_negotiate_guest(const struct hf_negotiate_port *port, const struct hf_negotiate_want *want,
                       struct hf_bits *agreed, struct hf_negotiate_request *replay)
{
    struct hf_negotiate_request q;
    struct hf_negotiate_answer a;
    struct hf_negotiate_row row;
    uint32_t tag = 0;
    int r = hf_negotiate_request_fill(&q, want->domain, want->version, &want->bits);

    if (r == 0)
        r = hf_negotiate_find(port, want->domain, &row);
    if (r < 0)
        return r;
    if (hf_le32_get(row.version) != want->version)
        return -HF_ENOTFOUND;
    keep_common(&q.wanted, &row.supported);
    hf_negotiate_close(&q.wanted, want->rules, want->n_rules);
    do { /* every turn asks for fewer bits, so there are at most 257 */
        q.tag = hf_le32_of(++tag);
        r = port->exchange(port->opaque, &q, &a);
        if (r == 0)
            r = hf_le32_get(a.tag) == tag ? judge(&a, want, &q) : -HF_EPROTO;
    } while (r > 0);
    if (r < 0)
        return r;
    *agreed = q.wanted;
    if (replay)
        *replay = q;
    return 0;
}

int hf_negotiate_replay(const struct hf_negotiate_port *port, const struct hf_negotiate_request *replay)
{
    struct hf_negotiate_answer a;
    int r = port->exchange(port->opaque, replay, &a);

    if (r < 0)
        return r;
    return hf_le32_get(a.status) == HF_NEGOTIATE_ACCEPTED && hf_bits_equal(&a.agreed, &replay->wanted) ? 0
                                                                                                       : -HF_EREFUSED;
}
