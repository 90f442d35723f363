/* SPDX-License-Identifier: BSD-2-Clause */
#include "host_describe.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "cleanup.h"
#include "datadirs.h"
#include "descriptors.h"
#include "digest.h"
#include "epochs.h"
#include "file_key.h"
#include "host_caps.h"
#include "domains.h"
#include "known_json.h"
#include "program_output.h"
#include "qemu_describe.h"
#include "whole_file.h"

#define FIRMWARE_MAX (64U << 20)
#define ROM_MAX      (4U << 20)
#define FORMAT_READS 1 /* the container's format that this program reads and writes */

static json_t *digest_json(const void *bytes, size_t size)
{
    char text[HF_DIGEST_TEXT_SIZE];
    struct hf_digest digest = hf_digest_of(bytes, size);

    return json_string(hf_digest_text(&digest, text));
}

/* ---- firmware, by the names that --firmware takes ---- */

/* Digest and sizes from the bytes. NULL: they cannot be read. */
static json_t *read_firmware(const void *of)
{
    const struct hf_host_firmware *found = (const struct hf_host_firmware *)of;
    hf_auto(hf_cleanup_free) uint8_t *code = NULL, *vars = NULL;
    uint64_t code_size = 0, vars_size = 0;

    if (hf_host_firmware_read(found, false, FIRMWARE_MAX, &code, &code_size, NULL) < 0 ||
        (found->vars && hf_host_firmware_read(found, true, FIRMWARE_MAX, &vars, &vars_size, NULL) < 0))
        return NULL;
    return json_pack("{s:o, s:I, s:I}", "digest", digest_json(code, code_size), "size", (json_int_t)code_size,
                     "vars-size", (json_int_t)vars_size);
}

static bool firmware_key(const struct hf_host_firmware *found, char *key, size_t size)
{
    char code[HF_FILE_KEY_SIZE], vars[HF_FILE_KEY_SIZE] = "-";

    return hf_file_key(found->code, code) && (!found->vars || hf_file_key(found->vars, vars)) &&
           snprintf(key, size, "%d %s %d %s", found->code_packed, code, found->vars_packed, vars) < (int)size;
}

/* Files that have not changed are not read again: AAVMF's are 64 MiB each. */
static json_t *look_at_firmware(const struct hf_host_firmware *found)
{
    char key[2 * HF_FILE_KEY_SIZE + 16];

    return hf_json_find("firmware", firmware_key(found, key, sizeof key) ? key : NULL, read_firmware, found);
}

static void put_firmware(json_t *array, const char *name, const char *arch)
{
    const struct hf_host_firmware_query query = {.name = name, .architecture = arch};
    struct hf_host_firmware found;
    json_t *one, *facts;

    if (hf_host_firmware_find(&query, NULL, &found, NULL) < 0)
        return;
    facts = look_at_firmware(&found);
    one = facts ? json_pack("{s:s, s:s, s:s}", "name", name, "arch", arch, "path", found.code) : NULL;
    if (one) {
        json_object_update(one, facts);
        json_array_append_new(array, one);
    }
    json_decref(facts);
    hf_host_firmware_done(&found);
}

static json_t *firmware_here(void)
{
    static const struct {
        const char *name, *arch;
    } names[] = {{"ovmf", "x86_64"}, {"ovmf-secboot", "x86_64"}, {"aavmf", "aarch64"}, {"seabios", "x86_64"}};
    json_t *array = json_array();

    for (size_t i = 0; i < HF_ARRAY_SIZE(names); i++)
        put_firmware(array, names[i].name, names[i].arch);
    return array;
}

/* ---- option ROMs: what a machine would load by its bare name ---- */

static bool is_rom(const char *name)
{
    size_t n = strlen(name);

    return (n > 4 && strcmp(name + n - 4, ".rom") == 0) ||
           (n > 4 && strcmp(name + n - 4, ".bin") == 0 &&
            (!strncmp(name, "vgabios", 7) || !strncmp(name, "kvmvapic", 8) || !strncmp(name, "linuxboot", 9)));
}

static bool has_rom(const json_t *roms, const char *name)
{
    for (size_t i = 0; i < json_array_size(roms); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(roms, i), "name")), name) == 0)
            return true;
    return false;
}

static json_t *read_rom(const void *path)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    uint64_t size;

    if (hf_file_read((const char *)path, ROM_MAX, &bytes, &size, NULL) < 0)
        return NULL;
    return json_pack("{s:I, s:o}", "size", (json_int_t)size, "digest", digest_json(bytes, size));
}

static json_t *look_at_rom(const char *path)
{
    char key[HF_FILE_KEY_SIZE];

    return hf_json_find("rom", hf_file_key(path, key) ? key : NULL, read_rom, path);
}

static void put_rom(json_t *roms, const char *dir, const char *name)
{
    hf_auto(hf_cleanup_free) char *path = NULL;
    json_t *one, *facts;

    if (has_rom(roms, name) || asprintf(&path, "%s/%s", dir, name) < 0)
        return;
    facts = look_at_rom(path);
    one = facts ? json_pack("{s:s}", "name", name) : NULL;
    if (one) {
        json_object_update(one, facts);
        json_array_append_new(roms, one);
    }
    json_decref(facts);
}

/* The first directory that has a name wins, as for QEMU itself. */
static void put_roms(json_t *roms, const char *qemu)
{
    char **dirs = NULL;

    if (hf_datadirs_list(qemu, &dirs, NULL) < 0)
        return;
    for (size_t i = 0; dirs[i]; i++) {
        struct dirent **entries;
        int n = scandir(dirs[i], &entries, NULL, alphasort);

        for (int j = 0; j < n; j++) {
            if (is_rom(entries[j]->d_name))
                put_rom(roms, dirs[i], entries[j]->d_name);
            free(entries[j]);
        }
        if (n >= 0)
            free(entries);
    }
    hf_datadirs_free(dirs);
}

json_t *hf_host_roms(const char *qemu)
{
    json_t *roms = json_array();

    if (roms)
        put_roms(roms, qemu);
    return roms;
}

/* ---- programs ---- */

static int put_qemus(json_t *host, char *const *qemus, struct hf_error *err)
{
    json_t *array = json_array(), *roms = json_array();

    json_object_set_new(host, "qemu", array);
    json_object_set_new(host, "roms", roms);
    for (; *qemus; qemus++) {
        json_t *one = NULL;
        int r = hf_qemu_describe(*qemus, &one, err);

        if (r == -HF_ENOTFOUND)
            continue;
        if (r < 0)
            return r;
        json_array_append_new(array, one);
        put_roms(roms, *qemus);
    }
    return 0;
}

static json_t *ask_version(const void *program)
{
    char *const argv[] = {(char *)program, (char *)"--version", NULL};
    hf_auto(hf_cleanup_free) char *text = NULL;

    return hf_program_output(argv, &text, NULL) < 0 ? NULL : json_pack("{s:s}", "text", text);
}

/* What a program prints of its version, as "text". NULL: it is not installed, or does not run. */
static json_t *version_of(const char *program)
{
    char key[HF_FILE_KEY_SIZE];

    return hf_json_find("version", hf_program_key(program, key) ? key : NULL, ask_version, program);
}

/* "nbdkit 1.32.5 (...)": the second word; absent where it is not installed. */
static void put_nbdkit(json_t *host)
{
    json_t *said = version_of("nbdkit");
    const char *text = json_string_value(json_object_get(said, "text"));
    const char *word = text ? text + strcspn(text, " \n") : "";

    word += *word != '\0';
    if (*word)
        json_object_set_new(host, "nbdkit", json_stringn(word, strcspn(word, " \n")));
    json_decref(said);
}

static bool has_swtpm(void)
{
    json_t *said = version_of("swtpm");
    bool has = said != NULL;

    json_decref(said);
    return has;
}

static int put_room(json_t *host, const char *directory, struct hf_error *err)
{
    struct statvfs st;

    if (statvfs(directory, &st) < 0)
        return hf_error_set(err, errno == ENOENT ? HF_ENOTFOUND : HF_EIO, "%s: %s", directory, strerror(errno));
    json_object_set_new(host, "free-bytes", json_integer((json_int_t)(st.f_bavail * st.f_frsize)));
    return 0;
}

/* What this holdfast offers firmware through the mailbox. */
static json_t *domains_here(void)
{
    const struct hf_negotiate_domain *known;
    size_t count = hf_domains_known(&known);
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        char bits[2 * sizeof known[i].supported.byte + 1];

        /* The highest byte first, as one number. */
        for (size_t j = 0; j < sizeof known[i].supported.byte; j++)
            (void)snprintf(bits + 2 * j, 3, "%02x", known[i].supported.byte[sizeof known[i].supported.byte - 1 - j]);
        json_array_append_new(
            array, json_pack("{s:s, s:i, s:s}", "name", known[i].name, "version", (int)known[i].version, "bits", bits));
    }
    return array;
}

static int add_epoch(void *ctx, const char *container_id, const struct hf_epoch *seen)
{
    json_t *host = ctx, *array = json_object_get(host, "epochs");

    if (json_array_size(array) == HF_CAPS_ENTRIES_MAX) {
        json_object_set_new(host, "epochs-more", json_true());
        return 1;
    }
    json_array_append_new(array, json_pack("{s:s, s:I, s:b}", "id", container_id, "epoch", (json_int_t)seen->epoch,
                                           "departed", (int)seen->departed));
    return 0;
}

/* The containers that this host has seen: it refuses older copies of them. */
static int put_epochs(json_t *host, struct hf_error *err)
{
    int r;

    json_object_set_new(host, "epochs", json_array());
    r = hf_epoch_list(add_epoch, host, err);
    return r < 0 ? r : 0;
}

int hf_host_describe(const struct hf_host_query *query, json_t **ret, struct hf_error *err)
{
    char name[256] = "";
    json_t *host;
    int r;

    (void)gethostname(name, sizeof name - 1);
    host = json_pack("{s:i, s:s, s:s, s:{s:i, s:i}, s:b, s:o, s:o}", "schema", 1, "host", name, "holdfast",
                     query->holdfast, "container", "reads", FORMAT_READS, "writes", FORMAT_READS, "swtpm", has_swtpm(),
                     "firmware", firmware_here(), "domains", domains_here());
    if (!host)
        return hf_error_nomem(err);
    put_nbdkit(host);
    r = put_room(host, query->directory, err);
    if (r >= 0)
        r = put_epochs(host, err);
    if (r >= 0)
        r = put_qemus(host, query->qemus, err);
    if (r < 0) {
        json_decref(host);
        return r;
    }
    *ret = host;
    return 0;
}
