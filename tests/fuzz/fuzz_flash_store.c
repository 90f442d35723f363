/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The input is the front of a 2M bank (headers and variables); the rest is erased. Strict accepts or explains; salvage
 * stays in bounds; an edit after strict keeps all others; a conversion holds the same variables; every variable can be
 * described.
 */
#include "fuzz.h"

#include <holdfast/var_decode.h>

enum { BANK = 0x20000, MAX = 4096 };

static struct hf_var vars[MAX], others[MAX];

static void edit(uint8_t *bank, struct hf_varstore *s)
{
    static const uint8_t name[] = {'z', 0, 0, 0};
    struct hf_var v = {.attributes = 7, .name = name, .name_size = sizeof name, .data = name, .data_size = 3};
    static uint8_t was[BANK];
    struct hf_varstore before;
    int r;

    memcpy(was, bank, BANK);
    MUST(hf_varstore_open(was, BANK, HF_VARSTORE_STRICT, others, MAX, NULL, NULL, &before, NULL) == 0);
    r = hf_varstore_set(bank, s, &v, HF_EDIT_AUTHENTICATED, NULL);
    MUST(r == 0 || r == -HF_ENOSPC);
    for (size_t i = 0; i < before.count; i++) {
        const struct hf_var *o = &before.vars[i], *n = hf_varstore_find(s, &o->guid, o->name, o->name_size);

        MUST(n && (hf_var_same_key(o, &v) || hf_var_equal(o, n)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static uint8_t bank[BANK], other[BANK];
    char text[256], short_text[32];
    struct hf_error err = {0};
    struct hf_varstore s, to;
    struct hf_secure_boot sb;
    int r;

    MUST(hf_varstore_format(bank, BANK, HF_LAYOUT_2M, NULL) == 0);
    memcpy(bank, bytes, size < 0xE000 ? size : 0xE000);
    r = hf_varstore_open(bank, BANK, HF_VARSTORE_SALVAGE, vars, MAX, NULL, NULL, &s, NULL);
    if (r == 0) {
        for (size_t i = 0; i < s.count; i++)
            (void)hf_var_describe(&s.vars[i], text, sizeof text);
        hf_secure_boot_read(&s, &sb);
    }
    r = hf_varstore_open(bank, BANK, HF_VARSTORE_STRICT, vars, MAX, NULL, NULL, &s, &err);
    if (r < 0) {
        MUST(strlen(err.text) > 10);
        return 0;
    }
    if (s.count)
        hf_var_attributes_text(s.vars[0].attributes, short_text);
    r = hf_varstore_convert(&s, HF_LAYOUT_2M, other, sizeof other, others, MAX, &to, &err);
    MUST(r == 0 || (r == -HF_ENOSPC && !s.authenticated)); /* plain headers grow */
    edit(bank, &s);
    return 0;
}
