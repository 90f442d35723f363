/* SPDX-License-Identifier: BSD-2-Clause */
/* Is a variable what its row in the table promises? */
#include <stdio.h>
#include <string.h>

#include <holdfast/devpath.h>
#include <holdfast/siglist.h>
#include <holdfast/ucs2.h>
#include <holdfast/var_decode.h>

#include "certdb.h"
#include "cleanup.h"
#include "cursor.h"
#include "key_file.h"
#include "load_option.h"
#include "var_rule.h"

/* One check: the variable, its row, and what the store has beside it. */
struct look {
    const struct hf_var *var;
    const struct hf_var_rule *rule;
    const struct hf_var *vars;
    size_t count;
};

typedef int (*checker)(const struct look *look, struct hf_error *err);

#define WRONG(err, ...) hf_error_refuse(err, "form", __VA_ARGS__)

/* ---- keys ---- */

static int check_signatures(const struct look *l, struct hf_error *err)
{
    static const struct hf_guid nobody;
    const char *what = l->var->data_size && l->var->data[0] == 0x30 ? "a DER certificate" : "a certificate in PEM";
    struct hf_key_file file;
    struct hf_error why;
    int r = hf_key_file_read(l->var->data, l->var->data_size, &nobody, &file, &why);
    enum hf_key_file_kind kind = r < 0 ? HF_KEY_FILE_LISTS : file.kind;

    if (r == 0)
        hf_key_file_done(&file);
    if (r == -HF_ENOMEM)
        return hf_error_set(err, HF_ENOMEM, "%s", why.text);
    if (hf_auth2_is(l->var->data, l->var->data_size)) /* a broken one, too */
        what = "a signed update (EFI_VARIABLE_AUTHENTICATION_2)";
    else if (r < 0)
        return WRONG(err, "no signature list: %s", why.text);
    else if (kind == HF_KEY_FILE_LISTS)
        return 0;
    return l->rule->option
               ? WRONG(err, "no signature list: this is %s; use `keys update --%s FILE`", what, l->rule->option)
               : WRONG(err, "no signature list: this is %s", what);
}

static int check_key(const struct look *l, struct hf_error *err)
{
    struct hf_siglist list = hf_siglist_of(l->var->data, l->var->data_size);
    struct hf_signature s;
    size_t n = 0;
    int r = check_signatures(l, err);

    if (r < 0)
        return r;
    while (hf_siglist_next(&list, &s))
        n++;
    return n == 1 && hf_guid_equal(&s.type, &hf_sig_x509) ? 0 : WRONG(err, "%zu entries; PK is one certificate", n);
}

static int check_certdb(const struct look *l, struct hf_error *err)
{
    return hf_certdb_valid(l->var->data, l->var->data_size) ? 0 : WRONG(err, "the sizes inside certdb do not add up");
}

static int check_sbat(const struct look *l, struct hf_error *err)
{
    const char *text = (const char *)l->var->data;
    size_t size = l->var->data_size, at = 0;

    if (size && text[size - 1] == '\0')
        size--;
    if (size < 5 || memcmp(text, "sbat,", 5) != 0)
        return WRONG(err, "no SBAT level: the text begins with 'sbat,'");
    while (at < size) {
        const char *line = text + at, *end = (const char *)memchr(line, '\n', size - at);
        size_t n = end ? (size_t)(end - line) : size - at;
        const char *comma = (const char *)memchr(line, ',', n);

        if (!comma || comma == line || comma + 1 == line + n || comma[1] < '0' || comma[1] > '9')
            return WRONG(err, "no SBAT level: a line is not 'component,generation'");
        for (size_t i = 0; i < n; i++)
            if (line[i] < 0x20 || line[i] > 0x7E)
                return WRONG(err, "no SBAT level: it has a character that is not printable");
        at += n + (end ? 1 : 0);
    }
    return 0;
}

/* ---- boot options ---- */

static int check_load_option(const struct look *l, struct hf_error *err)
{
    struct hf_load_option option;
    struct hf_error why;

    for (uint32_t i = 0; i + 2 < l->var->name_size; i += 2)
        if (i + 10 >= l->var->name_size && l->var->name[i] >= 'a')
            return WRONG(err, "firmware knows load options with upper-case digits only");
    return hf_load_option_read(l->var->data, l->var->data_size, &option, &why) < 0 ? WRONG(err, "%s", why.text) : 0;
}

/* "Boot" of BootOrder and BootNext. */
static void entry_name(const char *prefix, size_t prefix_size, unsigned number, uint8_t name[64], uint32_t *name_size)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%.*s%04X", (int)prefix_size, prefix, number);
    *name_size = (uint32_t)hf_ucs2_from_utf8(text, name, 64);
}

static int check_exists(const struct look *l, size_t prefix_size, unsigned number, struct hf_error *err)
{
    uint8_t name[64];
    struct hf_var key = {.guid = l->rule->vendor, .name = name};

    entry_name(l->rule->name, prefix_size, number, name, &key.name_size);
    for (size_t i = 0; i < l->count; i++)
        if (hf_var_same_key(&l->vars[i], &key))
            return 0;
    return WRONG(err, "%.*s%04X does not exist", (int)prefix_size, l->rule->name, number);
}

static unsigned u16_at(const struct hf_var *var, uint32_t at)
{
    return (unsigned)(var->data[at] | var->data[at + 1] << 8);
}

static int check_order(const struct look *l, struct hf_error *err)
{
    size_t prefix = strlen(l->rule->name) - strlen("Order");

    if (l->var->data_size % 2)
        return WRONG(err, "%u bytes; it is a row of 16-bit numbers", l->var->data_size);
    for (uint32_t i = 0; i < l->var->data_size; i += 2) {
        unsigned number = u16_at(l->var, i);
        int r = check_exists(l, prefix, number, err);

        if (r < 0)
            return r;
        for (uint32_t k = 0; k < i; k += 2)
            if (u16_at(l->var, k) == number)
                return WRONG(err, "%04X stands in it twice", number);
    }
    return 0;
}

static int check_size(const struct look *l, uint32_t size, struct hf_error *err)
{
    return l->var->data_size == size ? 0 : WRONG(err, "%u bytes; it has %u", l->var->data_size, size);
}

static int check_next(const struct look *l, struct hf_error *err)
{
    int r = check_size(l, 2, err);

    return r < 0 ? r : check_exists(l, strlen("Boot"), u16_at(l->var, 0), err);
}

static int check_key_option(const struct look *l, struct hf_error *err)
{
    enum { HEAD = 10, BOOT_OPTION = 8 };
    int r = l->var->data_size < HEAD ? check_size(l, HEAD, err)
                                     : check_size(l, HEAD + (uint32_t)(l->var->data[3] >> 6) * 4, err);
    struct look boot = *l;

    if (r < 0)
        return r;
    boot.rule = hf_var_rule_named("BootNext");
    return check_exists(&boot, strlen("Boot"), u16_at(l->var, BOOT_OPTION), err);
}

static int check_device_path(const struct look *l, struct hf_error *err)
{
    size_t n = hf_devpath_size(l->var->data, l->var->data_size);

    return n && n == l->var->data_size ? 0
                                       : WRONG(err, "no device path: its end is %s", n ? "not the last" : "missing");
}

/* ---- plain values ---- */

static int check_any(const struct look *l, struct hf_error *err)
{
    (void)l;
    (void)err;
    return 0;
}

static int check_boolean(const struct look *l, struct hf_error *err)
{
    int r = check_size(l, 1, err);

    if (r < 0)
        return r;
    return l->var->data[0] > 1 ? WRONG(err, "%u; it is 0 or 1", l->var->data[0]) : 0;
}

static int check_u8(const struct look *l, struct hf_error *err)
{
    return check_size(l, 1, err);
}

static int check_u16(const struct look *l, struct hf_error *err)
{
    return check_size(l, 2, err);
}

static int check_u32(const struct look *l, struct hf_error *err)
{
    return check_size(l, 4, err);
}

static int check_u64(const struct look *l, struct hf_error *err)
{
    return check_size(l, 8, err);
}

static int check_text(const struct look *l, struct hf_error *err)
{
    for (uint32_t i = 0; i + 1 < l->var->data_size; i++)
        if (l->var->data[i] < 0x20 || l->var->data[i] > 0x7E)
            return WRONG(err, "byte %u of the text is not printable", i);
    return l->var->data_size > 1 && l->var->data[l->var->data_size - 1] == 0
               ? 0
               : WRONG(err, "no text with a NUL at its end");
}

static int check_volatile(const struct look *l, struct hf_error *err)
{
    (void)l;
    return WRONG(err, "firmware makes this variable at each start; it is never stored");
}

static const checker checkers[] = {
    [HF_FORM_ANY] = check_any,
    [HF_FORM_KEY] = check_key,
    [HF_FORM_SIGNATURES] = check_signatures,
    [HF_FORM_LOAD_OPTION] = check_load_option,
    [HF_FORM_ORDER] = check_order,
    [HF_FORM_NEXT] = check_next,
    [HF_FORM_KEY_OPTION] = check_key_option,
    [HF_FORM_DEVICE_PATH] = check_device_path,
    [HF_FORM_BOOLEAN] = check_boolean,
    [HF_FORM_U8] = check_u8,
    [HF_FORM_U16] = check_u16,
    [HF_FORM_U32] = check_u32,
    [HF_FORM_U64] = check_u64,
    [HF_FORM_TEXT] = check_text,
    [HF_FORM_SBAT] = check_sbat,
    [HF_FORM_CERTDB] = check_certdb,
    [HF_FORM_VOLATILE] = check_volatile,
};

static int check_attributes(const struct look *l, struct hf_error *err)
{
    char has[32], wants[32];

    if (l->var->attributes == l->rule->attributes)
        return 0;
    hf_var_attributes_text(l->var->attributes, has);
    hf_var_attributes_text(l->rule->attributes, wants);
    return hf_error_refuse(err, "attributes", "attributes %s; %s wants %s; --raw takes them all the same", has,
                           l->rule->source, wants);
}

int hf_var_check(const struct hf_var *var, const struct hf_var *vars, size_t count, struct hf_error *err)
{
    struct look look = {.var = var, .rule = hf_var_rule_of(var), .vars = vars, .count = count};
    struct hf_error why;
    int r;

    if (!look.rule)
        return 0;
    r = checkers[look.rule->form](&look, &why);
    if (r == -HF_EREFUSED)
        return hf_error_refuse(err, "form", "%s; --raw stores it all the same (%s)", why.text, look.rule->source);
    if (r < 0)
        return hf_error_set(err, (enum hf_code) - r, "%s", why.text);
    return check_attributes(&look, err);
}
