/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot_path.h"

#include <stdlib.h>
#include <string.h>

#include <holdfast/ucs2.h>

#include "cleanup.h"
#include "cursor.h"

enum { NODE_HEAD = 4 };

struct node_head {
    uint8_t type, subtype;
    hf_le16 size;
};

struct hard_drive {
    struct node_head head;
    hf_le32 number;
    hf_le64 first, sectors;
    struct hf_guid id;
    uint8_t format, id_type;
};
_Static_assert(sizeof(struct hard_drive) == 42, "MEDIA_HARDDRIVE_DP");

static int append(struct hf_boot_path *path, const void *bytes, size_t size, struct hf_error *err)
{
    uint8_t *longer = (uint8_t *)realloc(path->bytes, path->size + size);

    if (!longer)
        return hf_error_nomem(err);
    memcpy(longer + path->size, bytes, size);
    path->bytes = longer;
    path->size += size;
    return 0;
}

static int append_node(struct hf_boot_path *path, uint8_t type, uint8_t subtype, const void *body, size_t size,
                       struct hf_error *err)
{
    struct node_head head = {type, subtype, hf_le16_of((uint16_t)(NODE_HEAD + size))};
    int r;

    if (size > UINT16_MAX - NODE_HEAD)
        return hf_error_set(err, HF_EUSAGE, "a path of %zu bytes; the limit is %d", size, UINT16_MAX - NODE_HEAD);
    r = append(path, &head, sizeof head, err);
    return r < 0 || size == 0 ? r : append(path, body, size, err);
}

static int finish(struct hf_boot_path *path, int r, struct hf_boot_path *ret, struct hf_error *err)
{
    if (r == 0)
        r = append_node(path, 0x7F, 0xFF, NULL, 0, err);
    if (r < 0)
        free(path->bytes);
    else
        *ret = *path;
    return r;
}

static int append_file(struct hf_boot_path *path, const char *file, struct hf_error *err)
{
    size_t length = strlen(file) + 1, room = 2 * (length + 1);
    hf_auto(hf_cleanup_free) char *text = (char *)malloc(length + 1);
    hf_auto(hf_cleanup_free) uint8_t *name = (uint8_t *)malloc(room);
    int n;

    if (!text || !name)
        return hf_error_set(err, HF_ENOMEM, "path of %zu bytes: out of memory", length);
    text[0] = '\\';
    memcpy(text + 1, file + (*file == '/' || *file == '\\'), length - (*file == '/' || *file == '\\'));
    for (char *p = text; *p; p++)
        if (*p == '/')
            *p = '\\';
    n = hf_ucs2_from_utf8(text, name, room);
    if (n < 0 || !text[1])
        return hf_error_set(err, HF_EUSAGE, "--path '%s': invalid; use a file's path in UTF-8: /EFI/debian/shimx64.efi",
                            file);
    return append_node(path, 4, 4, name, (size_t)n, err);
}

int hf_boot_path_file(const struct hf_gpt_partition *partition, const char *file, struct hf_boot_path *ret,
                      struct hf_error *err)
{
    enum { GPT = 2, BY_GUID = 2 };
    struct hf_boot_path path = {0};
    int r = 0;

    if (partition) {
        const struct hard_drive node = {.head = {4, 1, hf_le16_of(sizeof node)},
                                        .number = hf_le32_of(partition->number),
                                        .first = hf_le64_of(partition->first),
                                        .sectors = hf_le64_of(partition->sectors),
                                        .id = partition->id,
                                        .format = GPT,
                                        .id_type = BY_GUID};

        r = append(&path, &node, sizeof node, err);
    }
    if (r == 0)
        r = append_file(&path, file, err);
    return finish(&path, r, ret, err);
}

int hf_boot_path_uri(const char *uri, struct hf_boot_path *ret, struct hf_error *err)
{
    struct hf_boot_path path = {0};

    if (strncmp(uri, "http://", 7) != 0 && strncmp(uri, "https://", 8) != 0)
        return hf_error_set(err, HF_EUSAGE, "--uri '%s': invalid; use http:// or https://", uri);
    return finish(&path, append_node(&path, 3, 24, uri, strlen(uri), err), ret, err);
}

int hf_boot_path_app(const char *app, enum hf_layout layout, struct hf_boot_path *ret, struct hf_error *err)
{
    /* The volumes with the drivers: OvmfPkg/OvmfPkgX64.fdf, ArmVirtPkg/ArmVirtQemu.fdf (FvNameGuid). */
    static const struct hf_guid ovmf = HF_GUID(0x7cb8bdc9, 0xf8eb, 0x4f34, 0xaaea, 0x3ee4af6516a1),
                                aavmf = HF_GUID(0x64074afe, 0x340a, 0x4be6, 0x94ba, 0x91b5b4d0f71e);
    static const struct {
        const char *word;
        struct hf_guid file;
    } apps[] = {
        {"ui", HF_GUID(0x462caa21, 0x7614, 0x4503, 0x836e, 0x8ab6f4662331)},
        {"shell", HF_GUID(0x7c04a583, 0x9e3e, 0x4f1c, 0xad65, 0xe05268d0b4d1)},
    };
    struct hf_boot_path path = {0};
    size_t i = 0;
    int r;

    while (i < HF_ARRAY_SIZE(apps) && strcmp(app, apps[i].word) != 0)
        i++;
    if (i == HF_ARRAY_SIZE(apps))
        return hf_error_set(err, HF_EUSAGE, "--app '%s': unknown; use one of " HF_BOOT_APP_WORDS, app);
    r = append_node(&path, 4, 7, layout == HF_LAYOUT_AAVMF ? &aavmf : &ovmf, sizeof ovmf, err);
    if (r == 0)
        r = append_node(&path, 4, 6, &apps[i].file, sizeof apps[i].file, err);
    return finish(&path, r, ret, err);
}
