/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's half. Per domain:
 *
 *                    request, refused              request for the agreed set: ACCEPTED
 *                        +---+                          request for another: IS_LOCKED
 *                        |   v                                   +---+
 *        init, reset --> OPEN --- request, accepted -----------> LOCKED
 *                         ^                                        |
 *                         +---------------- reset ----------------+
 *
 * The only writer of a domain's row is lock_domain(); the only ways back are reset and load.
 */
#include "negotiate_internal.h"

#include "cursor.h"
#include "reserved.h"

static const char *const status_texts[] = {
    [HF_NEGOTIATE_NONE] = "none",
    [HF_NEGOTIATE_ACCEPTED] = "accepted",
    [HF_NEGOTIATE_UNKNOWN_DOMAIN] = "unknown-domain",
    [HF_NEGOTIATE_OTHER_VERSION] = "other-version",
    [HF_NEGOTIATE_UNSUPPORTED] = "unsupported",
    [HF_NEGOTIATE_NOT_CLOSED] = "not-closed",
    [HF_NEGOTIATE_IS_LOCKED] = "is-locked",
    [HF_NEGOTIATE_BAD_RECORD] = "bad-record",
    [HF_NEGOTIATE_BAD_WRITE] = "bad-write",
};
_Static_assert(sizeof status_texts / sizeof status_texts[0] == HF_NEGOTIATE_STATUS_MAX, "one text per status");

const char *hf_negotiate_status_text(enum hf_negotiate_status status)
{
    return (unsigned)status < HF_NEGOTIATE_STATUS_MAX ? status_texts[status] : "unknown";
}

static size_t directory_size(size_t n)
{
    return HF_NEGOTIATE_DIRECTORY_SIZE(n);
}

size_t hf_negotiate_size(size_t n_domains)
{
    return sizeof(struct hf_negotiate) + n_domains * sizeof(struct hf_negotiate_domain) + directory_size(n_domains);
}

const struct hf_negotiate_rule *hf_negotiate_broken_rule(const struct hf_bits *set,
                                                         const struct hf_negotiate_rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (hf_bits_has(set, rules[i].bit) && !hf_bits_has(set, rules[i].needs))
            return &rules[i];
    return NULL;
}

static bool same_name(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && memcmp(a, b, strlen(a)) == 0;
}

static bool name_ok(const char *name)
{
    size_t n = name ? strlen(name) : 0;

    for (size_t i = 0; i < n; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') || name[i] == '-' ||
              name[i] == '.'))
            return false;
    return n != 0 && n < HF_NEGOTIATE_NAME_SIZE;
}

static int check_domain(const struct hf_negotiate_domain *all, size_t i, struct hf_error *err)
{
    const struct hf_negotiate_domain *d = &all[i];
    const struct hf_negotiate_rule *broken;

    if (!name_ok(d->name))
        return hf_error_set(err, HF_EUSAGE, "domain %zu: invalid name '%s'; use 1 to 31 of a-z, 0-9, '-', '.'", i,
                            d->name ? d->name : "");
    if (!HF_RESERVED_IS_ZERO(d))
        return hf_error_set(err, HF_EUSAGE, "domain '%s': its reserved members are not 0", d->name);
    for (size_t j = 0; j < i; j++)
        if (same_name(all[j].name, d->name))
            return hf_error_set(err, HF_EUSAGE, "domain '%s' is declared twice", d->name);
    if (d->n_rules > HF_NEGOTIATE_RULES_MAX)
        return hf_error_set(err, HF_EUSAGE, "domain '%s': too many rules: %zu; the limit is %u", d->name, d->n_rules,
                            (unsigned)HF_NEGOTIATE_RULES_MAX);
    broken = hf_negotiate_broken_rule(&d->supported, d->rules, d->n_rules);
    if (broken)
        return hf_error_refuse(err, "closed", "domain '%s': bit %u needs bit %u; support both or neither", d->name,
                               broken->bit, broken->needs);
    return 0;
}

static void fill_directory(struct hf_negotiate *n)
{
    struct hf_negotiate_directory head = {.version = hf_le32_of(HF_NEGOTIATE_VERSION),
                                          .head_size = hf_le32_of(sizeof head),
                                          .row_size = hf_le32_of(sizeof(struct hf_negotiate_row)),
                                          .count = hf_le32_of((uint32_t)n->n_domains),
                                          .generation = hf_le32_of(n->generation)};

    memcpy(head.magic, HF_NEGOTIATE_DIRECTORY_MAGIC, sizeof head.magic);
    *n->head = head;
    for (size_t i = 0; i < n->n_domains; i++) {
        memcpy(n->rows[i].name, n->domains[i].name, strlen(n->domains[i].name));
        n->rows[i].version = hf_le32_of(n->domains[i].version);
        n->rows[i].supported = n->domains[i].supported;
    }
}

int hf_negotiate_init(void *memory, size_t size, const struct hf_negotiate_domain *domains, size_t n_domains,
                      uint32_t generation, struct hf_negotiate **ret, struct hf_error *err)
{
    struct hf_negotiate *n = (struct hf_negotiate *)memory;
    struct hf_negotiate_domain *copies;

    if (n_domains > HF_NEGOTIATE_DOMAINS_MAX)
        return hf_error_set(err, HF_EUSAGE, "negotiation: too many domains: %zu; the limit is %u", n_domains,
                            (unsigned)HF_NEGOTIATE_DOMAINS_MAX);
    if (size < hf_negotiate_size(n_domains))
        return hf_error_set(err, HF_ENOMEM, "negotiation: memory too small: %zu bytes for %zu domains; %zu are needed",
                            size, n_domains, hf_negotiate_size(n_domains));
    if (!memory) /* init(malloc(size), ...) is how it is meant to be called */
        return hf_error_set(err, HF_ENOMEM, "negotiation: memory: NULL pointer");
    for (size_t i = 0; i < n_domains; i++) {
        int r = check_domain(domains, i, err);

        if (r < 0)
            return r;
    }
    memset(memory, 0, hf_negotiate_size(n_domains));
    copies = (struct hf_negotiate_domain *)(n + 1);
    if (n_domains != 0)
        memcpy(copies, domains, n_domains * sizeof *copies);
    n->domains = copies;
    n->n_domains = n_domains;
    n->generation = generation;
    n->head = (struct hf_negotiate_directory *)(copies + n_domains);
    n->rows = (struct hf_negotiate_row *)(n->head + 1);
    fill_directory(n);
    *ret = n;
    return 0;
}

const void *hf_negotiate_directory(const struct hf_negotiate *n, size_t *ret_size)
{
    *ret_size = directory_size(n->n_domains);
    return n->head;
}

size_t hf_negotiate_index(const struct hf_negotiate *n, const char *name)
{
    size_t i = 0;

    while (i < n->n_domains && !same_name(n->domains[i].name, name))
        i++;
    return i;
}

bool hf_negotiate_is_locked(const struct hf_negotiate *n, size_t i)
{
    return hf_le32_get(n->rows[i].state) == HF_NEGOTIATE_LOCKED;
}

void hf_negotiate_lock(struct hf_negotiate *n, size_t i, const struct hf_bits *agreed)
{
    n->rows[i].state = hf_le32_of(HF_NEGOTIATE_LOCKED);
    n->rows[i].agreed = *agreed;
}

void hf_negotiate_reset(struct hf_negotiate *n)
{
    for (size_t i = 0; i < n->n_domains; i++) {
        n->rows[i].state = hf_le32_of(HF_NEGOTIATE_OPEN);
        memset(&n->rows[i].agreed, 0, sizeof n->rows[i].agreed);
    }
}

bool hf_negotiate_agreed(const struct hf_negotiate *n, const char *domain, struct hf_bits *ret)
{
    size_t i = hf_negotiate_index(n, domain);
    bool locked = i < n->n_domains && hf_negotiate_is_locked(n, i);

    memset(ret, 0, sizeof *ret);
    if (locked)
        *ret = n->rows[i].agreed;
    return locked;
}

/* What a domain answers to a set; locks it when the answer is ACCEPTED. */
enum hf_negotiate_status hf_negotiate_ask(struct hf_negotiate *n, size_t i, const struct hf_bits *wanted, uint32_t *bit,
                                          uint32_t *needs)
{
    const struct hf_negotiate_domain *d = &n->domains[i];
    const struct hf_negotiate_rule *broken;

    if (hf_negotiate_is_locked(n, i))
        return hf_bits_equal(wanted, &n->rows[i].agreed) ? HF_NEGOTIATE_ACCEPTED : HF_NEGOTIATE_IS_LOCKED;
    *bit = hf_bits_missing(wanted, &d->supported);
    if (*bit != HF_NEGOTIATE_NO_BIT)
        return HF_NEGOTIATE_UNSUPPORTED;
    broken = hf_negotiate_broken_rule(wanted, d->rules, d->n_rules);
    if (broken) {
        *bit = broken->bit;
        *needs = broken->needs;
        return HF_NEGOTIATE_NOT_CLOSED;
    }
    hf_negotiate_lock(n, i, wanted);
    return HF_NEGOTIATE_ACCEPTED;
}

static bool well_formed(const struct hf_negotiate_request *q)
{
    static const struct hf_negotiate_request zero;
    size_t len = 0;

    while (len < sizeof q->domain && q->domain[len] != '\0')
        len++;
    return memcmp(q->magic, HF_NEGOTIATE_REQUEST_MAGIC, sizeof q->magic) == 0 &&
           hf_le32_get(q->version) == HF_NEGOTIATE_VERSION &&
           memcmp(q->reserved, zero.reserved, sizeof q->reserved) == 0 && len < sizeof q->domain &&
           memcmp(q->domain + len, zero.domain, sizeof q->domain - len) == 0;
}

static enum hf_negotiate_status judge(struct hf_negotiate *n, const struct hf_negotiate_request *q,
                                      struct hf_negotiate_answer *a)
{
    uint32_t bit = HF_NEGOTIATE_NO_BIT, needs = HF_NEGOTIATE_NO_BIT;
    enum hf_negotiate_status status;
    size_t i;

    if (!well_formed(q))
        return HF_NEGOTIATE_BAD_RECORD;
    i = hf_negotiate_index(n, q->domain);
    if (i == n->n_domains)
        return HF_NEGOTIATE_UNKNOWN_DOMAIN;
    a->domain_version = hf_le32_of(n->domains[i].version);
    status = hf_le32_get(q->domain_version) == n->domains[i].version ? hf_negotiate_ask(n, i, &q->wanted, &bit, &needs)
                                                                     : HF_NEGOTIATE_OTHER_VERSION;
    a->bit = hf_le32_of(bit);
    a->needs = hf_le32_of(needs);
    a->agreed = n->rows[i].agreed;
    return status;
}

void hf_negotiate_no_answer(const struct hf_negotiate *n, struct hf_negotiate_answer *answer)
{
    *answer = (struct hf_negotiate_answer){.generation = hf_le32_of(n->generation),
                                           .bit = hf_le32_of(HF_NEGOTIATE_NO_BIT),
                                           .needs = hf_le32_of(HF_NEGOTIATE_NO_BIT)};
}

enum hf_negotiate_status hf_negotiate_request(struct hf_negotiate *n, const void *request, size_t size,
                                              struct hf_negotiate_answer *answer)
{
    struct hf_cursor c = hf_cursor_of(request, size);
    enum hf_negotiate_status status = HF_NEGOTIATE_BAD_WRITE;
    struct hf_negotiate_request q;

    hf_cursor_copy(&c, &q, sizeof q);
    hf_negotiate_no_answer(n, answer);
    if (!c.bad && hf_cursor_left(&c) == 0) {
        answer->tag = q.tag;
        status = judge(n, &q, answer);
    }
    answer->status = hf_le32_of(status);
    return status;
}
