/* SPDX-License-Identifier: BSD-2-Clause */
#include "stub_arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "cleanup.h"
#include "option_text.h"

#define DISK   "file.driver=null-co,file.read-zeroes=on,file.size=1G,format=raw"
#define FLOPPY "file.driver=null-co,file.read-zeroes=on,file.size=1474560,format=raw"

/* One option on its way: pairs that are kept are gathered in `text`. */
struct stubbing {
    struct hf_stub stub;
    const char *option;
    char *text;
    size_t size;
    char kind[64]; /* the value of the key that says what it is: a device's driver, an object's type */
    bool medium;   /* a drive names a file */
    bool floppy;
    bool tell; /* something about it was left out */
    bool drop; /* the whole option is */
    bool bad;
};

typedef int stub_fn(struct stubbing *s, const char *text, struct hf_error *err);

/* ---- building ---- */

/* A key that QEMU would read as more than a key (",," in an option, or JSON, makes one) is not kept. */
static void put(struct stubbing *s, const char *key, const char *value)
{
    if (strpbrk(key, ",="))
        return;

    size_t room = s->size + strlen(key) + 2 * strlen(value) + 3;
    char *grown = s->bad ? NULL : realloc(s->text, room), *to;

    if (!grown) {
        s->bad = true;
        return;
    }
    s->text = grown;
    to = grown + s->size;
    to += sprintf(to, "%s%s=", s->size ? "," : "", key);
    for (; *value; value++) {
        if (*value == ',')
            *to++ = ',';
        *to++ = *value;
    }
    *to = '\0';
    s->size = (size_t)(to - grown);
}

static void emit(struct stubbing *s, const char *option, const char *argument)
{
    hf_words_addf(&s->stub.words, "-%s", option);
    if (argument)
        hf_words_add(&s->stub.words, argument);
}

static void tell(struct stubbing *s, const char *what)
{
    hf_words_addf(&s->stub.left_out, "-%s%s%.80s", s->option, *what ? " " : "", what);
}

static bool stands_in(const char *word, const char *const *list)
{
    for (; *list; list++) {
        size_t n = strlen(*list);

        if ((*list)[n - 1] == '*' ? !strncmp(word, *list, n - 1) : !strcmp(word, *list))
            return true;
    }
    return false;
}

/* Walks the pairs and emits what `pair` kept. `what` is the key that names the thing, for what is told. */
static int rebuild(struct stubbing *s, const char *text, const char *what, hf_option_pair_fn *pair,
                   struct hf_error *err)
{
    int r = hf_option_text_each_as_is(text, what, pair, s, err);

    if (r < 0)
        return hf_error_prefix(err, r, "-%s: ", s->option);
    if (s->tell || s->drop)
        tell(s, s->kind);
    if (!s->drop && s->size)
        emit(s, s->option, s->text);
    return 0;
}

static void note_kind(struct stubbing *s, const char *value)
{
    snprintf(s->kind, sizeof s->kind, "%.60s", value);
}

/* ---- what stays, a pair at a time ---- */

static int machine_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    static const char *const not_ours[] = {"type",   "accel",  "kernel-irqchip", "kernel_irqchip", "kernel", "initrd",
                                           "append", "dtb",    "firmware",       "pflash*",        "shim",   "dumpdtb", NULL};

    if (!stands_in(key, not_ours))
        put(ctx, key, value);
    return 0;
}

static int device_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    static const char *const no_stub[] = {"vfio-*",          "vhost-*",           "usb-host",       "tpm-*",
                                          "ivshmem-doorbell", "virtio-input-host*", "loader",         "guest-loader",
                                          "ccid-card-emulated", "virtio-*-gl*",      "x-vfio-user*", NULL};
    static const char *const raw_disks[] = {"scsi-block", "scsi-generic", NULL};
    struct stubbing *s = ctx;

    if (!strcmp(key, "driver")) {
        note_kind(s, value);
        s->drop = stands_in(value, no_stub);
        put(s, key, stands_in(value, raw_disks) ? "scsi-hd" : value);
    } else if (!strcmp(key, "romfile") && strchr(value, '/')) {
        s->tell = true; /* the owner's own file, which is not here as a rule */
        put(s, key, "");
    } else if (!strchr(key, '.')) {
        put(s, key, value);
    }
    return 0;
}

static int object_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    static const char *const kept[] = {"memory-backend-*", "rng-*", "iothread", "throttle-group", "cryptodev-*",
                                       "acpi-generic-*",   "can-bus", NULL};
    static const char *const silent[] = {"secret*", "tls-*", "authz-*", "filter-*", "input-*", "thread-context", NULL};
    static const char *const of_memory[] = {"id", "size", "x-use-canonical-path-for-ramblock-id", NULL};
    static const char *const of_others[] = {"id", "pci-dev", "node", "cpu", NULL};
    struct stubbing *s = ctx;
    bool memory = !strncmp(s->kind, "memory-backend-", 15);

    if (!strcmp(key, "qom-type")) {
        note_kind(s, value);
        s->drop = !stands_in(value, kept);
        if (stands_in(value, silent))
            s->kind[0] = '\0';
        put(s, key,
            !strncmp(value, "memory-backend-", 15) ? "memory-backend-ram"
            : !strncmp(value, "rng-", 4)           ? "rng-builtin"
            : !strncmp(value, "cryptodev-", 10)    ? "cryptodev-backend-builtin"
                                                   : value);
    } else if (stands_in(key, memory ? of_memory : of_others)) {
        put(s, key, value);
    }
    return 0;
}

static int drive_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    static const char *const kept[] = {"if", "index", "bus", "unit", "media", "id", "readonly", "read-only", NULL};
    static const char *const media[] = {"file", "file.*", "driver", "filename", "format", NULL};
    struct stubbing *s = ctx;

    if (!strcmp(key, "if"))
        s->floppy = !strcmp(value, "floppy");
    if (stands_in(key, media))
        s->medium = true;
    if (stands_in(key, kept))
        put(s, !strcmp(key, "read-only") ? "readonly" : key, value);
    return 0;
}

static int nic_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    static const char *const kept[] = {"model", "mac", "macaddr", "addr", "vectors", "name", NULL};

    if (stands_in(key, kept))
        put(ctx, key, value);
    return 0;
}

static int boot_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    if (strcmp(key, "splash") != 0 && strcmp(key, "splash-time") != 0)
        put(ctx, key, value);
    return 0;
}

static int smbios_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct stubbing *s = ctx;

    s->drop = s->drop || !strcmp(key, "file");
    s->tell = s->tell || !strcmp(key, "path");
    if (strcmp(key, "path") != 0)
        put(s, key, value);
    return 0;
}

static int fw_cfg_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct stubbing *s = ctx;

    s->drop = s->drop || !strcmp(key, "gen_id");
    if (!strcmp(key, "name")) {
        note_kind(s, value);
        put(s, key, value);
    }
    return 0;
}

/* ---- what stays, an option at a time ---- */

static int keep(struct stubbing *s, const char *text, struct hf_error *err)
{
    emit(s, s->option, text);
    return 0;
}

static int leave_out(struct stubbing *s, const char *text, struct hf_error *err)
{
    tell(s, "");
    return 0;
}

static int on_machine(struct stubbing *s, const char *text, struct hf_error *err)
{
    s->option = "machine";
    return rebuild(s, text, "type", machine_pair, err);
}

static int on_device(struct stubbing *s, const char *text, struct hf_error *err)
{
    return rebuild(s, text, "driver", device_pair, err);
}

static int on_object(struct stubbing *s, const char *text, struct hf_error *err)
{
    int r = hf_option_text_each_as_is(text, "qom-type", object_pair, s, err);

    if (r < 0)
        return hf_error_prefix(err, r, "-object: ");
    if (!s->drop)
        emit(s, "object", s->text);
    else if (s->kind[0])
        tell(s, s->kind);
    return 0;
}

static void emit_drive(struct stubbing *s)
{
    const char *medium = !s->medium ? "" : s->floppy ? FLOPPY : DISK;

    if (!s->size && !s->medium)
        return;
    emit(s, "drive", NULL);
    hf_words_addf(&s->stub.words, "%s%s%s", s->text ? s->text : "", s->medium && s->size ? "," : "", medium);
}

static int on_drive(struct stubbing *s, const char *text, struct hf_error *err)
{
    int r = hf_option_text_each_as_is(text, NULL, drive_pair, s, err);

    if (r == 0)
        emit_drive(s);
    return r;
}

/* -hda and the like, and a bare file name. */
static int on_disk(struct stubbing *s, const char *text, struct hf_error *err)
{
    static const struct {
        const char *option, *drive;
    } disks[] = {
        {"hda", "index=0,media=disk"},   {"hdb", "index=1,media=disk"},   {"hdc", "index=2,media=disk"},
        {"hdd", "index=3,media=disk"},   {"cdrom", "index=2,media=cdrom"}, {"fda", "if=floppy,index=0"},
        {"fdb", "if=floppy,index=1"},    {"sd", "if=sd"},
    };

    for (size_t i = 0; i < HF_ARRAY_SIZE(disks); i++) {
        if (strcmp(disks[i].option, s->option) != 0)
            continue;
        emit(s, "drive", NULL);
        hf_words_addf(&s->stub.words, "%s,%s", disks[i].drive, s->option[0] == 'f' ? FLOPPY : DISK);
    }
    return 0;
}

struct nodes {
    char name[8][64];
    size_t count;
    bool read_only;
};

/* A node that another option may name: the option's own, and those written inside it. */
static int blockdev_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct nodes *n = ctx;
    const char *last = strrchr(key, '.');

    if (!strcmp(last ? last + 1 : key, "node-name") && n->count < HF_ARRAY_SIZE(n->name))
        snprintf(n->name[n->count++], sizeof n->name[0], "%.63s", value);
    if (!strcmp(key, "read-only"))
        n->read_only = !strcmp(value, "on") || !strcmp(value, "true");
    return 0;
}

static int on_blockdev(struct stubbing *s, const char *text, struct hf_error *err)
{
    struct nodes n = {.count = 0};
    int r = hf_option_text_each(text, "driver", blockdev_pair, &n, err);

    for (size_t i = 0; r == 0 && i < n.count; i++) {
        emit(s, "blockdev", NULL);
        hf_words_add_json(&s->stub.words, json_pack("{s:s, s:s, s:b, s:I, s:b}", "driver", "null-co", "node-name",
                                                    n.name[i], "read-zeroes", true, "size", (json_int_t)1 << 30,
                                                    "read-only", n.read_only));
    }
    return r;
}

struct named {
    char id[128];
};

static int id_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    if (!strcmp(key, "id"))
        snprintf(((struct named *)ctx)->id, sizeof((struct named *)ctx)->id, "%.127s", value);
    return 0;
}

/* -netdev, -chardev, -audiodev, -fsdev: another backend under the same id. */
static int on_backend(struct stubbing *s, const char *text, struct hf_error *err)
{
    static const struct {
        const char *option, *backend;
    } backends[] = {
        {"netdev", "hubport,hubid=0"}, {"chardev", "null"}, {"audiodev", "none"}, {"fsdev", "synth"}};
    struct named named = {""};
    int r = hf_option_text_each(text, "type", id_pair, &named, err);

    for (size_t i = 0; r == 0 && i < HF_ARRAY_SIZE(backends); i++) {
        if (strcmp(backends[i].option, s->option) != 0)
            continue;
        emit(s, s->option, NULL);
        hf_words_addf(&s->stub.words, "%s,id=%s", backends[i].backend, named.id);
    }
    return r;
}

static int on_nic(struct stubbing *s, const char *text, struct hf_error *err)
{
    if (!strcmp(text, "none"))
        return keep(s, text, err);
    put(s, "type", "hubport");
    put(s, "hubid", "0");
    return rebuild(s, text, "type", nic_pair, err);
}

/* -net nic is the device; whatever else is its backend. */
static int on_net(struct stubbing *s, const char *text, struct hf_error *err)
{
    const char *type = strncmp(text, "type=", 5) == 0 ? text + 5 : text;

    if (!strncmp(type, "nic", 3) && (type[3] == ',' || type[3] == '\0')) {
        put(s, "type", "nic");
        return rebuild(s, text, "type", nic_pair, err);
    }
    return !strcmp(text, "none") ? keep(s, text, err) : 0;
}

static int on_console(struct stubbing *s, const char *text, struct hf_error *err)
{
    bool stays = !strcmp(text, "none") || !strncmp(text, "chardev:", 8);

    emit(s, s->option, stays ? text : "null");
    return 0;
}

static int on_nographic(struct stubbing *s, const char *text, struct hf_error *err)
{
    emit(s, "machine", "graphics=off");
    emit(s, "serial", "null");
    return 0;
}

static int on_boot(struct stubbing *s, const char *text, struct hf_error *err)
{
    return rebuild(s, text, "order", boot_pair, err);
}

static int on_smbios(struct stubbing *s, const char *text, struct hf_error *err)
{
    return rebuild(s, text, NULL, smbios_pair, err);
}

static int on_fw_cfg(struct stubbing *s, const char *text, struct hf_error *err)
{
    int r = hf_option_text_each_as_is(text, "name", fw_cfg_pair, s, err);

    put(s, "string", "stub");
    if (r == 0 && s->drop)
        tell(s, s->kind);
    else if (r == 0)
        emit(s, "fw_cfg", s->text);
    return r;
}

static int on_set(struct stubbing *s, const char *text, struct hf_error *err)
{
    if (!strncmp(text, "device.", 7) && !strstr(text, ".romfile="))
        emit(s, "set", text);
    return 0;
}

static int on_cpu(struct stubbing *s, const char *text, struct hf_error *err)
{
    bool hosts = !strncmp(text, "host", 4) && (text[4] == ',' || text[4] == '\0');
    size_t n = strcspn(text, ",");

    emit(s, "cpu", NULL); /* without its features: software emulation may lack them */
    hf_words_addf(&s->stub.words, "%.*s", hosts ? 3 : (int)n, hosts ? "max" : text);
    return 0;
}

static int on_audio(struct stubbing *s, const char *text, struct hf_error *err)
{
    put(s, "driver", "none");
    return rebuild(s, text, "driver", nic_pair, err); /* model= is all there is to keep */
}

static int on_usbdevice(struct stubbing *s, const char *text, struct hf_error *err)
{
    static const char *const plain[] = {"tablet", "mouse", "keyboard", "wacom-tablet", NULL};

    if (!stands_in(text, plain))
        return leave_out(s, text, err);
    return keep(s, text, err);
}

/* What is not here goes without a word: displays, monitors, logs, accelerators, what is for one start only. */
static const struct {
    const char *option;
    stub_fn *fn;
} table[] = {
    {"machine", on_machine},   {"M", on_machine},          {"device", on_device},      {"object", on_object},
    {"drive", on_drive},       {"blockdev", on_blockdev},  {"hda", on_disk},           {"hdb", on_disk},
    {"hdc", on_disk},          {"hdd", on_disk},           {"cdrom", on_disk},         {"fda", on_disk},
    {"fdb", on_disk},          {"sd", on_disk},            {"netdev", on_backend},     {"chardev", on_backend},
    {"audiodev", on_backend},  {"fsdev", on_backend},      {"nic", on_nic},            {"net", on_net},
    {"serial", on_console},    {"parallel", on_console},   {"debugcon", on_console},   {"nographic", on_nographic},
    {"boot", on_boot},         {"smbios", on_smbios},      {"fw_cfg", on_fw_cfg},      {"set", on_set},
    {"cpu", on_cpu},           {"audio", on_audio},        {"usbdevice", on_usbdevice}, {"m", keep},
    {"smp", keep},             {"numa", keep},             {"global", keep},           {"vga", keep},
    {"usb", keep},             {"nodefaults", keep},       {"no-user-config", keep},   {"no-hpet", keep},
    {"no-acpi", keep},         {"no-fd-bootchk", keep},    {"rtc", keep},              {"watchdog", keep},
    {"g", keep},               {"acpitable", leave_out},   {"kernel", leave_out},      {"initrd", leave_out},
    {"append", leave_out},     {"dtb", leave_out},         {"shim", leave_out},        {"option-rom", leave_out},
    {"virtfs", leave_out},     {"tpmdev", leave_out},      {"mtdblock", leave_out},    {"plugin", leave_out},
};

static int stub_option(struct stubbing *s, const char *text, struct hf_error *err)
{
    int r = 0;

    for (size_t i = 0; i < HF_ARRAY_SIZE(table); i++) {
        if (strcmp(table[i].option, s->option) == 0) {
            r = table[i].fn(s, text, err);
            break;
        }
    }
    free(s->text);
    if (s->bad)
        s->stub.words.bad = true;
    *s = (struct stubbing){.stub = s->stub};
    return r;
}

int hf_stub_arguments(int argc, char *const *argv, struct hf_stub *ret, struct hf_error *err)
{
    struct stubbing s = {.option = NULL};
    int r = 0;

    for (int at = 0; r == 0 && at < argc;) {
        const char *word = argv[at++], *text = NULL;
        bool takes = false, is_option = word[0] == '-' && word[1] != '\0';

        s.option = is_option ? word + (word[1] == '-' ? 2 : 1) : "hda";
        if (is_option && !hf_arguments_knows(s.option, &takes))
            takes = at < argc && argv[at][0] != '-';
        if (takes && at == argc)
            r = hf_error_set(err, HF_EUSAGE, "-%s: QEMU wants an argument after it", s.option);
        else if (r == 0 && takes)
            text = argv[at++];
        if (r == 0)
            r = stub_option(&s, is_option ? text : word, err);
    }
    if (r == 0 && (s.stub.words.bad || s.stub.left_out.bad))
        r = hf_error_set(err, HF_ENOMEM, "out of memory");
    if (r < 0)
        hf_stub_done(&s.stub);
    else
        *ret = s.stub;
    return r;
}

void hf_stub_done(struct hf_stub *stub)
{
    hf_words_done(&stub->words);
    hf_words_done(&stub->left_out);
}

/* ---- kept ---- */

static json_t *words_json(const struct hf_words *words)
{
    json_t *array = json_array();

    for (size_t i = 0; i < words->count; i++)
        json_array_append_new(array, json_string(words->at[i]));
    return array;
}

char *hf_stub_dump(const struct hf_stub *stub)
{
    json_t *json = json_pack("{s:o, s:o}", "words", words_json(&stub->words), "left-out", words_json(&stub->left_out));
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

    json_decref(json);
    return text;
}

static bool load_words(const json_t *json, const char *key, struct hf_words *words)
{
    const json_t *array = json_object_get(json, key);

    for (size_t i = 0; i < json_array_size(array); i++) {
        if (!json_is_string(json_array_get(array, i)))
            return false;
        hf_words_add(words, json_string_value(json_array_get(array, i)));
    }
    return json_is_array(array) && !words->bad;
}

/* The words are a stranger's once the container has moved: they go through the same sieve as an owner's do. */
int hf_stub_load(const char *text, struct hf_stub *ret, struct hf_error *err)
{
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    hf_auto(hf_words_done) struct hf_words words = {0};
    struct hf_stub stub = {0};
    bool good = json && load_words(json, "words", &words) &&
                hf_stub_arguments((int)words.count, words.at, &stub, NULL) == 0 &&
                load_words(json, "left-out", &stub.left_out);

    json_decref(json);
    if (!good) {
        hf_stub_done(&stub);
        return hf_error_set(err, HF_EDAMAGED, "the recorded arguments of the machine cannot be read");
    }
    *ret = stub;
    return 0;
}
