/* SPDX-License-Identifier: BSD-2-Clause */
#include "host_caps.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static int wrong(struct hf_error *err, const char *where, const char *key, const char *wanted)
{
    return hf_error_set(err, HF_EUSAGE, "host capabilities: '%s%s%s' is not %s", where, *where ? "." : "", key, wanted);
}

/* A missing key is an error unless `optional`, which leaves *ret NULL. */
static int get_text(const json_t *object, const char *where, const char *key, bool optional, const char **ret,
                    struct hf_error *err)
{
    const json_t *value = json_object_get(object, key);

    if (optional && (!value || json_is_null(value)))
        return 0;
    if (!json_is_string(value) || json_string_length(value) >= HF_CAPS_TEXT_MAX ||
        strlen(json_string_value(value)) != json_string_length(value))
        return wrong(err, where, key, "a string of at most 255 bytes");
    *ret = json_string_value(value);
    return 0;
}

static int get_number(const json_t *object, const char *where, const char *key, uint64_t max, uint64_t *ret,
                      struct hf_error *err)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
        return wrong(err, where, key, "a number in its range");
    *ret = (uint64_t)json_integer_value(value);
    return 0;
}

static int get_digest(const json_t *object, const char *where, const char **ret, struct hf_error *err)
{
    const char *text = NULL;
    int r = get_text(object, where, "digest", false, &text, err);

    if (r < 0)
        return r;
    if (strlen(text) != 64 || strspn(text, "0123456789abcdef") != 64)
        return wrong(err, where, "digest", "64 lower-case hexadecimal digits");
    *ret = text;
    return 0;
}

/* A missing array is an empty one: an older holdfast does not know it. */
static int get_array(const json_t *object, const char *where, const char *key, const json_t **ret, struct hf_error *err)
{
    const json_t *array = json_object_get(object, key);

    *ret = NULL;
    if (!array)
        return 0;
    if (!json_is_array(array) || json_array_size(array) > HF_CAPS_ENTRIES_MAX)
        return wrong(err, where, key, "an array of at most 4096 entries");
    *ret = array;
    return 0;
}

typedef int entry_reader(const json_t *entry, void *slot, struct hf_error *err);

/* Reads an array of objects into an allocated array of structs. What was read so far stays the caller's on failure. */
static int get_entries(const json_t *object, const char *key, size_t size, entry_reader *read, void **ret,
                       size_t *count, struct hf_error *err)
{
    const json_t *array;
    int r = get_array(object, "", key, &array, err);

    if (r < 0 || !array || json_array_size(array) == 0)
        return r;
    *ret = calloc(json_array_size(array), size);
    if (!*ret)
        return hf_error_set(err, HF_ENOMEM, "host capabilities: '%s': out of memory", key);
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (!json_is_object(json_array_get(array, i)))
            return wrong(err, "", key, "an array of objects");
        *count = i + 1;
        r = read(json_array_get(array, i), (char *)*ret + i * size, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_machine(const json_t *entry, void *slot, struct hf_error *err)
{
    struct hf_machine_caps *machine = slot;
    int r = get_text(entry, "machines", "name", false, &machine->name, err);

    if (r < 0)
        return r;
    machine->deprecated = json_is_true(json_object_get(entry, "deprecated"));
    return get_text(entry, "machines", "alias", true, &machine->alias, err);
}

static int read_strings(const json_t *entry, const char *key, const json_t **ret, struct hf_error *err)
{
    int r = get_array(entry, "qemu", key, ret, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < json_array_size(*ret); i++)
        if (!json_is_string(json_array_get(*ret, i)))
            return wrong(err, "qemu", key, "an array of strings");
    return 0;
}

static int read_qemu(const json_t *entry, void *slot, struct hf_error *err)
{
    struct hf_qemu_caps *qemu = slot;
    const char *version = NULL;
    void *machines = NULL;
    int r;

    r = get_text(entry, "qemu", "program", false, &qemu->program, err);
    if (r >= 0)
        r = get_text(entry, "qemu", "arch", false, &qemu->arch, err);
    if (r >= 0)
        r = get_text(entry, "qemu", "version", false, &version, err);
    if (r >= 0)
        r = hf_vmm_version_parse(version, &qemu->version, err);
    if (r >= 0)
        r = read_strings(entry, "devices", &qemu->devices, err);
    if (r >= 0)
        r = read_strings(entry, "accelerators", &qemu->accelerators, err);
    if (r >= 0)
        r = read_strings(entry, "block-drivers", &qemu->block_drivers, err);
    if (r >= 0)
        r = get_entries(entry, "machines", sizeof *qemu->machines, read_machine, &machines, &qemu->machine_count, err);
    qemu->machines = machines;
    qemu->smm = json_is_true(json_object_get(entry, "smm"));
    return r;
}

static int read_firmware(const json_t *entry, void *slot, struct hf_error *err)
{
    struct hf_firmware_caps *firmware = slot;
    int r;

    r = get_text(entry, "firmware", "name", false, &firmware->name, err);
    if (r >= 0)
        r = get_text(entry, "firmware", "arch", false, &firmware->arch, err);
    if (r >= 0)
        r = get_digest(entry, "firmware", &firmware->digest, err);
    if (r >= 0)
        r = get_number(entry, "firmware", "size", UINT32_MAX, &firmware->size, err);
    if (r >= 0)
        r = get_number(entry, "firmware", "vars-size", UINT32_MAX, &firmware->vars_size, err);
    return r;
}

static int read_rom(const json_t *entry, void *slot, struct hf_error *err)
{
    struct hf_rom_caps *rom = slot;
    int r;

    r = get_text(entry, "roms", "name", false, &rom->name, err);
    if (r >= 0)
        r = get_digest(entry, "roms", &rom->digest, err);
    if (r >= 0)
        r = get_number(entry, "roms", "size", UINT32_MAX, &rom->size, err);
    return r;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A number in hexadecimal, most significant digit first, at most 64 digits. */
static int read_bits(const char *text, struct hf_domain_bits *ret, struct hf_error *err)
{
    size_t length = strlen(text);
    struct hf_domain_bits bits = {{0}};

    if (length == 0 || length > HF_DOMAIN_BITS / 4)
        return wrong(err, "domains", "bits", "1 to 64 hexadecimal digits");
    for (size_t i = 0; i < length; i++) {
        int digit = hex_digit(text[length - 1 - i]);

        if (digit < 0)
            return wrong(err, "domains", "bits", "lower-case hexadecimal");
        bits.byte[i / 2] = (uint8_t)(bits.byte[i / 2] | digit << (i % 2 * 4));
    }
    *ret = bits;
    return 0;
}

static int read_domain(const json_t *entry, void *slot, struct hf_error *err)
{
    struct hf_domain_caps *domain = slot;
    const char *bits = NULL;
    uint64_t version = 0;
    int r;

    r = get_text(entry, "domains", "name", false, &domain->name, err);
    if (r >= 0)
        r = get_number(entry, "domains", "version", UINT16_MAX, &version, err);
    if (r >= 0)
        r = get_text(entry, "domains", "bits", false, &bits, err);
    if (r >= 0)
        r = read_bits(bits, &domain->bits, err);
    domain->version = (unsigned)version;
    return r;
}

static int read_epoch(const json_t *entry, void *slot, struct hf_error *err)
{
    struct hf_epoch_caps *epoch = slot;
    int r;

    r = get_text(entry, "epochs", "id", false, &epoch->id, err);
    if (r >= 0)
        r = get_number(entry, "epochs", "epoch", INT64_MAX, &epoch->epoch, err);
    epoch->departed = json_is_true(json_object_get(entry, "departed"));
    return r;
}

static int read_arrays(const json_t *json, struct hf_host_caps *caps, struct hf_error *err)
{
    const struct {
        const char *key;
        size_t size;
        entry_reader *read;
        void *array; /* the address of a pointer of its own type, which get_entries() fills */
        size_t *count;
    } arrays[] = {
        {"qemu", sizeof *caps->qemus, read_qemu, &caps->qemus, &caps->qemu_count},
        {"firmware", sizeof *caps->firmware, read_firmware, &caps->firmware, &caps->firmware_count},
        {"roms", sizeof *caps->roms, read_rom, &caps->roms, &caps->rom_count},
        {"domains", sizeof *caps->domains, read_domain, &caps->domains, &caps->domain_count},
        {"epochs", sizeof *caps->epochs, read_epoch, &caps->epochs, &caps->epoch_count},
    };

    for (size_t i = 0; i < HF_ARRAY_SIZE(arrays); i++) {
        void *made = NULL;
        int r = get_entries(json, arrays[i].key, arrays[i].size, arrays[i].read, &made, arrays[i].count, err);

        memcpy(arrays[i].array, &made, sizeof made);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_host(const json_t *json, struct hf_host_caps *caps, struct hf_error *err)
{
    const json_t *container = json_object_get(json, "container");
    uint64_t reads = 0, writes = 0;
    int r;

    r = get_text(json, "", "host", false, &caps->host, err);
    if (r >= 0)
        r = get_text(json, "", "holdfast", false, &caps->holdfast, err);
    if (r >= 0)
        r = get_text(json, "", "nbdkit", true, &caps->nbdkit, err);
    if (r >= 0)
        r = get_number(container, "container", "reads", UINT16_MAX, &reads, err);
    if (r >= 0)
        r = get_number(container, "container", "writes", UINT16_MAX, &writes, err);
    if (r >= 0)
        r = get_number(json, "", "free-bytes", INT64_MAX, &caps->free_bytes, err);
    caps->reads_format = (unsigned)reads;
    caps->writes_format = (unsigned)writes;
    caps->epochs_more = json_is_true(json_object_get(json, "epochs-more"));
    caps->swtpm = json_is_true(json_object_get(json, "swtpm"));
    return r < 0 ? r : read_arrays(json, caps, err);
}

int hf_host_caps_read(json_t *json, struct hf_host_caps **ret, struct hf_error *err)
{
    struct hf_host_caps *caps;
    int r;

    if (!json_is_object(json))
        return hf_error_set(err, HF_EUSAGE, "host capabilities: not a JSON object");
    if (json_integer_value(json_object_get(json, "schema")) != 1)
        return hf_error_set(err, HF_EVERSION, "host capabilities: unsupported schema %lld; this program reads schema 1",
                            (long long)json_integer_value(json_object_get(json, "schema")));
    caps = calloc(1, sizeof *caps);
    if (!caps)
        return hf_error_nomem(err);
    caps->json = json_incref(json);
    r = read_host(json, caps, err);
    if (r < 0) {
        hf_host_caps_free(caps);
        return r;
    }
    *ret = caps;
    return 0;
}

void hf_host_caps_free(struct hf_host_caps *caps)
{
    if (!caps)
        return;
    for (size_t i = 0; i < caps->qemu_count; i++)
        free(caps->qemus[i].machines);
    free(caps->qemus);
    free(caps->firmware);
    free(caps->roms);
    free(caps->domains);
    free(caps->epochs);
    json_decref(caps->json);
    free(caps);
}

const struct hf_machine_caps *hf_qemu_machine(const struct hf_qemu_caps *qemu, const char *name)
{
    for (size_t i = 0; i < qemu->machine_count; i++)
        if (strcmp(qemu->machines[i].name, name) == 0 ||
            (qemu->machines[i].alias && strcmp(qemu->machines[i].alias, name) == 0))
            return &qemu->machines[i];
    return NULL;
}

const struct hf_qemu_caps *hf_host_caps_qemu(const struct hf_host_caps *caps, const char *arch, const char *machine)
{
    const struct hf_qemu_caps *best = NULL;

    for (size_t i = 0; i < caps->qemu_count; i++) {
        const struct hf_qemu_caps *qemu = &caps->qemus[i];

        if (strcmp(qemu->arch, arch) != 0 || (machine && !hf_qemu_machine(qemu, machine)))
            continue;
        if (!best || hf_vmm_version_compare(qemu->version, best->version) > 0)
            best = qemu;
    }
    return best;
}

bool hf_qemu_has(const json_t *array, const char *what)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (strcmp(json_string_value(json_array_get(array, i)), what) == 0)
            return true;
    return false;
}

int hf_vmm_version_parse(const char *text, struct hf_vmm_version *ret, struct hf_error *err)
{
    unsigned part[3] = {0, 0, 0};
    const char *p = text;

    for (int i = 0; i < 3; i++) {
        if (*p < '0' || *p > '9')
            return hf_error_set(err, HF_EUSAGE, "invalid version '%s'; use one such as 7.2 or 7.2.22", text);
        for (; *p >= '0' && *p <= '9'; p++) {
            part[i] = part[i] * 10 + (unsigned)(*p - '0');
            if (part[i] > 9999)
                return hf_error_set(err, HF_EUSAGE, "invalid version '%s': a part is over 9999", text);
        }
        if (*p == '\0' && i > 0)
            break;
        if (*p != '.' || i == 2)
            return hf_error_set(err, HF_EUSAGE, "invalid version '%s'; use one such as 7.2 or 7.2.22", text);
        p++;
    }
    *ret = (struct hf_vmm_version){part[0], part[1], part[2]};
    return 0;
}

int hf_vmm_version_compare(struct hf_vmm_version a, struct hf_vmm_version b)
{
    if (a.major != b.major)
        return a.major < b.major ? -1 : 1;
    if (a.minor != b.minor)
        return a.minor < b.minor ? -1 : 1;
    return a.micro < b.micro ? -1 : a.micro > b.micro;
}
