/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/var_decode.h>

#include <string.h>

#include <holdfast/devpath.h>
#include <holdfast/siglist.h>
#include <holdfast/ucs2.h>

#include "cursor.h"
#include "textbuf.h"

static const struct hf_guid global = HF_GUID(0x8be4df61, 0x93ca, 0x11d2, 0xaa0d, 0x00e098032b8c);
static const struct hf_guid security = HF_GUID(0xd719b2cb, 0x3d3a, 0x4596, 0xa3bc, 0xdad00e67656f);
static const struct hf_guid secure_enable = HF_GUID(0xf0a30bc7, 0xaf08, 0x4556, 0x99c4, 0x001009c93a44);
static const struct hf_guid custom_mode = HF_GUID(0xc076ec0c, 0x7028, 0x4399, 0xa072, 0x71ee5c448b9f);
static const struct hf_guid vendor_keys = HF_GUID(0x9073e4e0, 0x60ec, 0x4b6e, 0x9903, 0x4c223c260f3c);
static const struct hf_guid shim = HF_GUID(0x605dab50, 0xe046, 0x4300, 0xabb6, 0x3dd810dd8b23);
static const struct hf_guid iscsi = HF_GUID(0x59324945, 0xec44, 0x4c0d, 0xb1cd, 0x9db139df070c);
static const struct hf_guid x509 = HF_GUID(0xa5c059a1, 0x94e4, 0x4aa7, 0x87b5, 0xab155c2bf072);

typedef bool (*describer)(const struct hf_var *var, struct hf_textbuf *t);

/* Is the variable's name this, or does it begin with this? The pattern may end in '*'. */
static bool name_is(const struct hf_var *var, const char *pattern)
{
    uint32_t i = 0;

    for (; *pattern && *pattern != '*'; pattern++, i += 2)
        if (i >= var->name_size || var->name[i] != (uint8_t)*pattern || var->name[i + 1])
            return false;
    return *pattern == '*' || i + 2 == var->name_size;
}

/* "####" behind a prefix: four hexadecimal digits, as the specification wants them. */
static bool name_numbered(const struct hf_var *var, const char *prefix)
{
    uint32_t n = (uint32_t)strlen(prefix) * 2;

    if (var->name_size != n + 10)
        return false;
    for (uint32_t i = n; i < n + 8; i += 2) {
        uint8_t c = var->name[i];

        if (var->name[i + 1] || !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f')))
            return false;
    }
    for (uint32_t i = 0; i < n; i += 2)
        if (var->name[i] != (uint8_t)prefix[i / 2] || var->name[i + 1])
            return false;
    return true;
}

/* Text from a guest, safe for a terminal. */
static void add_plain(struct hf_textbuf *t, const char *text)
{
    for (; *text; text++)
        hf_textbuf_add(t, "%c", (uint8_t)*text < 0x20 || *text == 0x7F ? '?' : *text);
}

static bool order(const struct hf_var *var, struct hf_textbuf *t)
{
    if (var->data_size % 2)
        return false;
    for (uint32_t i = 0; i < var->data_size; i += 2)
        hf_textbuf_add(t, "%s%04X", i ? "," : "", (unsigned)(var->data[i] | var->data[i + 1] << 8));
    return true;
}

static bool load_option(const struct hf_var *var, struct hf_textbuf *t)
{
    struct hf_cursor c = hf_cursor_of(var->data, var->data_size);
    uint32_t attributes = hf_cursor_le32(&c), path_size = hf_cursor_le16(&c);
    char text[1024];
    size_t start = c.at, end;
    const uint8_t *path;

    for (end = start; end + 1 < c.size && (c.base[end] || c.base[end + 1]);)
        end += 2;
    hf_cursor_seek(&c, end + 2);
    path = hf_cursor_take(&c, path_size);
    if (c.bad)
        return false;
    (void)hf_ucs2_to_utf8(var->data + start, end - start, text, sizeof text);
    hf_textbuf_add(t, "\"");
    add_plain(t, text);
    hf_textbuf_add(t, "\" ");
    (void)hf_devpath_format(path, path_size, text, sizeof text);
    add_plain(t, text);
    if (!(attributes & 1))
        hf_textbuf_add(t, " (inactive)");
    if (hf_cursor_left(&c))
        hf_textbuf_add(t, " (and %u bytes for it)", (unsigned)hf_cursor_left(&c));
    return true;
}

static bool device_path(const struct hf_var *var, struct hf_textbuf *t)
{
    char text[1024];
    bool whole = hf_devpath_format(var->data, var->data_size, text, sizeof text);

    add_plain(t, text);
    return whole;
}

static bool ascii(const struct hf_var *var, struct hf_textbuf *t)
{
    uint32_t n = var->data_size;

    while (n && var->data[n - 1] == 0)
        n--;
    for (uint32_t i = 0; i < n; i++) {
        if ((var->data[i] < 0x20 && var->data[i] != '\n') || var->data[i] >= 0x7F)
            return false;
        hf_textbuf_add(t, "%c", var->data[i] == '\n' ? ' ' : var->data[i]);
    }
    return true;
}

static bool on_off(const struct hf_var *var, struct hf_textbuf *t)
{
    if (var->data_size != 1 || var->data[0] > 1)
        return false;
    hf_textbuf_add(t, "%s", var->data[0] ? "on" : "off");
    return true;
}

static bool seconds(const struct hf_var *var, struct hf_textbuf *t)
{
    if (var->data_size != 2)
        return false;
    hf_textbuf_add(t, "%u s", (unsigned)(var->data[0] | var->data[1] << 8));
    return true;
}

/* "2 certificates (Microsoft Corporation KEK CA 2011; Debian), 1 hash; owner MicrosoftVendor". */
static bool signatures(const struct hf_var *var, struct hf_textbuf *t)
{
    struct hf_siglist list = hf_siglist_of(var->data, var->data_size);
    unsigned certificates = 0, others = 0;
    struct hf_guid owner = {{0}};
    bool one_owner = true;
    struct hf_signature s;
    char name[128];

    while (hf_siglist_next(&list, &s)) {
        if (certificates + others && !hf_guid_equal(&owner, &s.owner))
            one_owner = false;
        owner = s.owner;
        if (!hf_guid_equal(&s.type, &x509)) {
            others++;
            continue;
        }
        if (!hf_certificate_name(s.data, s.size, name, sizeof name))
            (void)hf_format(name, sizeof name, "certificate");
        hf_textbuf_add(t, "%s", certificates++ ? "; " : "");
        add_plain(t, name);
    }
    if (others)
        hf_textbuf_add(t, "%s%u hash%s", certificates ? "; " : "", others, others == 1 ? "" : "es");
    if (certificates + others && one_owner) {
        hf_textbuf_add(t, " (owner ");
        if (hf_guid_name(&owner))
            hf_textbuf_add(t, "%s", hf_guid_name(&owner));
        else
            hf_textbuf_guid(t, &owner);
        hf_textbuf_add(t, ")");
    } else if (certificates + others) {
        hf_textbuf_add(t, " (several owners)");
    }
    return !list.bad && certificates + others;
}

static const struct {
    const struct hf_guid *guid;
    const char *name;
    bool numbered;
    describer describe;
} meanings[] = {
    {&global, "BootOrder", false, order},
    {&global, "DriverOrder", false, order},
    {&global, "BootNext", false, order},
    {&global, "SysPrepOrder", false, order},
    {&global, "Boot", true, load_option},
    {&global, "Driver", true, load_option},
    {&global, "SysPrep", true, load_option},
    {&global, "ConIn", false, device_path},
    {&global, "ConOut", false, device_path},
    {&global, "ErrOut", false, device_path},
    {&global, "ConInDev", false, device_path},
    {&global, "ConOutDev", false, device_path},
    {&global, "ErrOutDev", false, device_path},
    {&global, "Timeout", false, seconds},
    {&global, "Lang", false, ascii},
    {&global, "PlatformLang", false, ascii},
    {&global, "PK", false, signatures},
    {&global, "KEK", false, signatures},
    {&security, "db", false, signatures},
    {&security, "dbx", false, signatures},
    {&security, "dbt", false, signatures},
    {&security, "dbr", false, signatures},
    {&shim, "MokList", false, signatures},
    {&shim, "MokListX", false, signatures},
    {&shim, "SbatLevel", false, ascii},
    {&secure_enable, "SecureBootEnable", false, on_off},
    {&custom_mode, "CustomMode", false, on_off},
    {&vendor_keys, "VendorKeysNv", false, on_off},
};

static describer meaning_of(const struct hf_var *var)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (hf_guid_equal(&var->guid, meanings[i].guid) &&
            (meanings[i].numbered ? name_numbered(var, meanings[i].name) : name_is(var, meanings[i].name)))
            return meanings[i].describe;
    return NULL;
}

bool hf_var_holds_signatures(const struct hf_var *var)
{
    return meaning_of(var) == signatures;
}

bool hf_var_secret(const struct hf_var *var)
{
    if (hf_guid_equal(&var->guid, &shim))
        return name_is(var, "MokPW*") || name_is(var, "MokAuth*") || name_is(var, "MokPWStore*");
    return hf_guid_equal(&var->guid, &iscsi); /* the attempts hold CHAP passwords */
}

bool hf_var_describe(const struct hf_var *var, char *text, size_t size)
{
    struct hf_textbuf t = hf_textbuf_of(text, size);
    describer describe = meaning_of(var);

    if (hf_var_secret(var)) {
        hf_textbuf_add(&t, "secret, not shown");
        return true;
    }
    if (describe && describe(var, &t))
        return true;
    t = hf_textbuf_of(text, size);
    hf_textbuf_hex(&t, var->data, var->data_size < 32 ? var->data_size : 32);
    if (var->data_size > 32)
        hf_textbuf_add(&t, "...");
    return false;
}

void hf_var_attributes_text(uint32_t attributes, char out[32])
{
    static const char names[8][4] = {"NV", "BS", "RT", "HR", "AW", "TA", "AP", "EA"};
    struct hf_textbuf t = hf_textbuf_of(out, 32);

    for (unsigned i = 0; i < 8; i++)
        if (attributes & 1u << i)
            hf_textbuf_add(&t, "%s%s", t.at ? "+" : "", names[i]);
    if (attributes >> 8)
        hf_textbuf_add(&t, "%s0x%x", t.at ? "+" : "", attributes & ~0xFFu);
}

void hf_var_time_text(const uint8_t time[16], char out[32])
{
    unsigned year = (unsigned)(time[0] | time[1] << 8);

    out[0] = '\0';
    if (year || time[2] || time[3])
        (void)hf_format(out, 32, "%04u-%02u-%02u %02u:%02u:%02u", year, time[2], time[3], time[4], time[5], time[6]);
}

static const struct hf_var *find(const struct hf_varstore *store, const struct hf_guid *guid, const char *name)
{
    uint8_t bytes[64];
    int n = hf_ucs2_from_utf8(name, bytes, sizeof bytes);

    return n < 0 ? NULL : hf_varstore_find(store, guid, bytes, (uint32_t)n);
}

static unsigned count_signatures(const struct hf_var *var)
{
    struct hf_siglist list;
    struct hf_signature s;
    unsigned n = 0;

    if (!var)
        return 0;
    list = hf_siglist_of(var->data, var->data_size);
    while (hf_siglist_next(&list, &s))
        n++;
    return n;
}

void hf_secure_boot_read(const struct hf_varstore *store, struct hf_secure_boot *state)
{
    const struct hf_var *enable = find(store, &secure_enable, "SecureBootEnable");

    *state = (struct hf_secure_boot){
        .pk = count_signatures(find(store, &global, "PK")),
        .kek = count_signatures(find(store, &global, "KEK")),
        .db = count_signatures(find(store, &security, "db")),
        .dbx = count_signatures(find(store, &security, "dbx")),
    };
    state->setup_mode = find(store, &global, "PK") == NULL; /* firmware asks whether it is there, not what it holds */
    /* With a PK and no word to the contrary, firmware turns it on. */
    state->enforced = !state->setup_mode && (!enable || (enable->data_size && enable->data[0] == 1)) ? HF_YES : HF_NO;
}
