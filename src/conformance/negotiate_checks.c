/* SPDX-License-Identifier: BSD-2-Clause */
/* docs/negotiation.md, through the guest's half. */
#include "checks.h"

#include <holdfast/fwcfg_negotiate_guest.h>

#include <stdio.h>
#include <string.h>

struct guest {
    struct hf_fwcfg_client c;
    struct hf_fwcfg_negotiate_link link;
    struct hf_negotiate_port port;
    struct hf_negotiate_row rows[64];
    uint32_t n;
};

static int open_guest(struct hf_qtest *p, struct guest *g)
{
    struct hf_negotiate_directory head;
    int r;

    g->c = hf_qtest_client(p);
    r = hf_fwcfg_client_open(&g->c);
    if (r == 0)
        r = hf_fwcfg_negotiate_link(&g->link, &g->c, &g->port);
    if (r == 0)
        r = g->port.read_directory(g->port.opaque, 0, &head, sizeof head);
    if (r < 0)
        return r;
    g->n = hf_le32_get(head.count) < 64 ? hf_le32_get(head.count) : 64;
    for (uint32_t i = 0; i < g->n && r == 0; i++)
        r = g->port.read_directory(g->port.opaque, hf_le32_get(head.head_size) + i * hf_le32_get(head.row_size),
                                   &g->rows[i], sizeof g->rows[i]);
    return r;
}

static uint32_t send(struct guest *g, const struct hf_negotiate_request *q, struct hf_negotiate_answer *a)
{
    memset(a, 0xee, sizeof *a);
    if (g->port.exchange(g->port.opaque, q, a) < 0)
        return HF_NEGOTIATE_STATUS_MAX;
    return hf_le32_get(a->status);
}

static struct hf_negotiate_request for_row(const struct hf_negotiate_row *row, const struct hf_bits *bits)
{
    struct hf_negotiate_request q;

    (void)hf_negotiate_request_fill(&q, row->name, hf_le32_get(row->version), bits);
    q.tag = hf_le32_of(0x1234);
    return q;
}

static void check_files(struct report *r, const struct guest *g)
{
    report_expect(r, g->link.domains.key == HF_NEGOTIATE_DOMAINS_KEY, "the directory's key is 0x%x",
                  g->link.domains.key);
    report_expect(r, g->link.window.key == HF_NEGOTIATE_WINDOW_KEY, "the window's key is 0x%x", g->link.window.key);
    report_expect(r, g->link.window.size == sizeof(struct hf_negotiate_window), "the window has %u bytes",
                  g->link.window.size);
    for (uint32_t i = 0; i < g->n; i++)
        report_expect(r, memchr(g->rows[i].name, '\0', sizeof g->rows[i].name) != NULL && g->rows[i].name[0] != '\0',
                      "domain %u has no name", i);
    report_end(r, "negotiation: the two files at their fixed selectors");
}

/* Everything that a host must refuse, none of which may lock anything. */
static void check_refusals(struct report *r, struct guest *g)
{
    static const struct hf_bits none;
    struct hf_negotiate_request q;
    struct hf_negotiate_answer a;
    struct hf_bits all;
    char junk[200] = "";

    memset(&all, 0xff, sizeof all);
    (void)hf_negotiate_request_fill(&q, "no-such-domain", 1, &none);
    report_expect(r, send(g, &q, &a) == HF_NEGOTIATE_UNKNOWN_DOMAIN, "unknown domain: status %u",
                  hf_le32_get(a.status));
    q.magic[0] ^= 1;
    report_expect(r, send(g, &q, &a) == HF_NEGOTIATE_BAD_RECORD, "bad magic: status %u", hf_le32_get(a.status));
    for (uint32_t i = 0; i < g->n; i++) {
        q = for_row(&g->rows[i], &none);
        q.domain_version = hf_le32_of(hf_le32_get(q.domain_version) + 1);
        report_expect(r, send(g, &q, &a) == HF_NEGOTIATE_OTHER_VERSION, "%s: other version: status %u", g->rows[i].name,
                      hf_le32_get(a.status));
        q = for_row(&g->rows[i], &none);
        q.reserved[3] = 1;
        report_expect(r, send(g, &q, &a) == HF_NEGOTIATE_BAD_RECORD, "%s: reserved byte: status %u", g->rows[i].name,
                      hf_le32_get(a.status));
        q = for_row(&g->rows[i], &all);
        if (hf_bits_missing(&all, &g->rows[i].supported) == HF_NEGOTIATE_NO_BIT)
            continue;
        report_expect(r, send(g, &q, &a) == HF_NEGOTIATE_UNSUPPORTED, "%s: all bits: status %u", g->rows[i].name,
                      hf_le32_get(a.status));
        report_expect(
            r, hf_le32_get(a.bit) == hf_bits_missing(&all, &g->rows[i].supported) && hf_le32_get(a.tag) == 0x1234,
            "%s: bit %u, tag 0x%x", g->rows[i].name, hf_le32_get(a.bit), hf_le32_get(a.tag));
    }
    q = (struct hf_negotiate_request){.magic = {0}};
    if (hf_fwcfg_client_write(&g->c, &g->link.window, junk, 48) == 0 &&
        hf_fwcfg_client_read_at(&g->c, &g->link.window, HF_NEGOTIATE_STATUS_OFFSET, &a, sizeof a) == 0)
        report_expect(r, hf_le32_get(a.status) == HF_NEGOTIATE_BAD_WRITE, "half a request: status %u",
                      hf_le32_get(a.status));
    report_end(r, "negotiation: what must be refused");
}

static void check_open(struct hf_qtest *p, struct report *r, struct guest *g, const char *when)
{
    report_expect(r, open_guest(p, g) == 0, "%s: the files are gone", when);
    for (uint32_t i = 0; i < g->n; i++)
        report_expect(r, hf_le32_get(g->rows[i].state) == HF_NEGOTIATE_OPEN, "%s: domain '%s' is locked", when,
                      g->rows[i].name);
}

/* Domain by domain: take everything; the others stay as they were. */
static void check_agreement(struct hf_qtest *p, struct report *r, struct guest *g)
{
    static const struct hf_bits none;

    for (uint32_t i = 0; i < g->n; i++) {
        struct hf_negotiate_request q = for_row(&g->rows[i], &g->rows[i].supported);
        struct hf_negotiate_answer a;
        bool empty = hf_bits_equal(&none, &g->rows[i].supported);

        report_expect(r, send(g, &q, &a) == HF_NEGOTIATE_ACCEPTED, "%s: the supported set: status %u", g->rows[i].name,
                      hf_le32_get(a.status));
        report_expect(r, send(g, &q, &a) == HF_NEGOTIATE_ACCEPTED, "%s: the same again: status %u", g->rows[i].name,
                      hf_le32_get(a.status));
        q.wanted = none;
        report_expect(r, empty || send(g, &q, &a) == HF_NEGOTIATE_IS_LOCKED, "%s: another set: status %u",
                      g->rows[i].name, hf_le32_get(a.status));
        report_expect(r, hf_bits_equal(&a.agreed, &g->rows[i].supported), "%s: the answer has another set",
                      g->rows[i].name);
        report_expect(r, open_guest(p, g) == 0, "the files are gone");
        for (uint32_t j = 0; j < g->n; j++)
            report_expect(r, (hf_le32_get(g->rows[j].state) == HF_NEGOTIATE_LOCKED) == (j <= i),
                          "after domain %u locked, the state of domain %u is %u", i, j, hf_le32_get(g->rows[j].state));
    }
    report_end(r, "negotiation: each domain locks alone");
}

void check_negotiation(struct hf_qtest *p, struct report *r)
{
    static struct guest g;

    (void)peer_reset(p);
    if (open_guest(p, &g) < 0 || g.n == 0) {
        report_skip(r, "negotiation", "this machine has no etc/negotiate files");
        return;
    }
    check_files(r, &g);
    check_open(p, r, &g, "at first");
    check_refusals(r, &g);
    check_open(p, r, &g, "after refusals");
    report_end(r, "negotiation: a refusal locks nothing");
    check_agreement(p, r, &g);
    if (peer_reset(p))
        check_open(p, r, &g, "after reset");
    report_end(r, "negotiation: reset opens every domain");
}
