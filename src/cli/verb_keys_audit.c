/* SPDX-License-Identifier: BSD-2-Clause */
/* keys audit: which of many guests need new keys. One store is in memory at a time. */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "domain_stores.h"
#include "key_report.h"
#include "store_walk.h"
#include "verbs.h"

struct audit {
    struct hf_invocation *inv;
    bool csv;
    json_t *rows;
    const char *domain; /* of the store that comes next; NULL */
    size_t counts[HF_KEYS_UNREADABLE + 1];
};

static void print_csv_field(const char *text, const char *end)
{
    (void)putchar('"');
    for (; *text; text++) {
        if (*text == '"')
            (void)putchar('"');
        (void)putchar((unsigned char)*text < 0x20 ? '?' : *text);
    }
    (void)fputs("\"", stdout);
    (void)fputs(end, stdout);
}

static void print_row(const struct audit *a, const char *path, const struct hf_key_state *state)
{
    const char *mode = state->verdict == HF_KEYS_UNREADABLE ? "" : hf_key_mode_text(state->mode);

    if (!a->csv) {
        hf_say(a->inv, "%s%s%s%s: %s", a->domain ? a->domain : "", a->domain ? " (" : "", path, a->domain ? ")" : "",
               state->words);
        return;
    }
    print_csv_field(path, ",");
    print_csv_field(a->domain ? a->domain : "", ",");
    print_csv_field(mode, ",");
    print_csv_field(hf_key_verdict_text(state->verdict), ",");
    print_csv_field(state->words, "\n");
}

static int look(void *ctx, const char *path, const char *why, struct hf_error *err)
{
    struct audit *a = (struct audit *)ctx;
    struct hf_key_state state;
    struct hf_error reason = {0};
    int r = why ? 0 : hf_key_state_of_file(path, &state, &reason);

    if (r == -HF_ENOMEM)
        return hf_error_set(err, HF_ENOMEM, "%s: %s", path, reason.text);
    if (why || r < 0)
        hf_key_state_unreadable(why ? why : reason.text, &state);
    a->counts[state.verdict]++;
    if (a->inv->json) {
        json_t *row = hf_append_object(a->rows);

        hf_put_text(row, "path", path);
        hf_put_text(row, "domain", a->domain);
        hf_put_key_verdict(row, &state);
    } else {
        print_row(a, path, &state);
    }
    hf_key_state_done(&state);
    return 0;
}

static int look_at_domain(void *ctx, const char *domain, const char *path, const char *why, struct hf_error *err)
{
    struct audit *a = (struct audit *)ctx;
    int r;

    a->domain = domain;
    r = look(a, path, why, err);
    a->domain = NULL;
    return r;
}

/* Returns how many need something. */
static size_t report_counts(const struct audit *a, size_t skipped)
{
    json_t *counts = hf_put_object(a->inv->report, "counts");
    size_t all = 0, need = 0;

    for (int v = 0; v <= HF_KEYS_UNREADABLE; v++) {
        hf_put_number(counts, hf_key_verdict_text((enum hf_key_verdict)v), (int64_t)a->counts[v]);
        all += a->counts[v];
        need += hf_key_verdict_needs((enum hf_key_verdict)v) ? a->counts[v] : 0;
    }
    hf_put_number(a->inv->report, "stores", (int64_t)all);
    hf_put_number(a->inv->report, "need_something", (int64_t)need);
    hf_put_number(a->inv->report, "skipped", (int64_t)skipped);
    if (a->csv)
        return need;
    if (skipped)
        hf_say(a->inv, "%zu other files were skipped", skipped);
    hf_say(a->inv,
           "%zu stores: %zu current, %zu to update, %zu in setup mode, %zu managed by their owner, %zu unreadable", all,
           a->counts[HF_KEYS_CURRENT], a->counts[HF_KEYS_UPDATE], a->counts[HF_KEYS_SETUP_MODE],
           a->counts[HF_KEYS_MANAGED], a->counts[HF_KEYS_UNREADABLE]);
    return need;
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    static const char libvirt[] = "libvirt:";
    struct audit a = {.inv = inv, .csv = hf_given(inv, "csv")};
    struct hf_store_walk walk = {.each = look, .ctx = &a};
    int r = 0;

    if (a.csv && inv->json)
        return hf_error_set(err, HF_EUSAGE, "--csv and --json: give only one of them");
    a.rows = hf_put_array(inv->report, "rows");
    if (a.csv)
        (void)puts("path,domain,mode,verdict,words");
    for (int i = 0; r == 0 && i < inv->operand_count; i++) {
        const char *what = inv->operands[i];

        if (strncmp(what, libvirt, sizeof libvirt - 1) == 0)
            r = hf_domain_stores(what + sizeof libvirt - 1, look_at_domain, &a, err);
        else
            r = hf_store_walk(&walk, what, err);
    }
    if (r < 0)
        return r;
    return report_counts(&a, walk.skipped) ? 1 : 0;
}

static const struct hf_option options[] = {
    {.name = "csv", .help = "print the rows as comma-separated values, with a heading"},
    {0},
};

const struct hf_verb hf_verb_keys_audit = {
    .name = "keys audit",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS,
    .help = "Tell which of many guests need new Secure Boot keys; exit status 1 when one does",
    .synopsis = "G.hold|FILE|DIR|libvirt:URI...",
    .min_operands = 1,
    .max_operands = -1,
    .options = options,
    .run = run,
};
