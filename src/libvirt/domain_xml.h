/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A libvirt domain's XML: what of it concerns firmware, and the two rewritings, into a container and back out. Only
 * <os> is rewritten (and <smm> in <features>, where libvirt had chosen Secure Boot firmware by itself and with it
 * switched System Management Mode on); everything else keeps its meaning.
 *
 * Pure: text in, text out; no libvirt connection.
 */
#ifndef HF_DOMAIN_XML_H
#define HF_DOMAIN_XML_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <holdfast/error.h>

#define HF_DOMAIN_XML_MAX (8U << 20)

enum hf_nvram_kind {
    HF_NVRAM_NONE, /* no <nvram>, or one without a path */
    HF_NVRAM_FILE,
    HF_NVRAM_OURS,  /* an NBD socket below HF_LIBVIRT_RUN */
    HF_NVRAM_BLOCK, /* a block device */
    HF_NVRAM_OTHER, /* another network source */
};

/* Strings are empty when the XML does not have them. */
struct hf_domain {
    char type[16]; /* "kvm", "qemu" */
    char name[256];
    char uuid[37];
    char arch[16];
    char machine[64];
    char emulator[PATH_MAX];
    char firmware[16]; /* <os firmware=...>: "efi", "bios" */
    char loader[PATH_MAX];
    char loader_type[16]; /* "pflash", "rom" */
    bool loader_secure;
    bool stateless;
    enum hf_nvram_kind nvram_kind;
    char nvram[PATH_MAX]; /* FILE: the path; OURS: the socket */
    char nvram_template[PATH_MAX];
    unsigned devices; /* how many elements <devices> has */
    bool smm;         /* <smm state='on'/> */
    bool tpm;
    bool confidential; /* <launchSecurity> */
    bool varstore;     /* <varstore>: QEMU's uefi-vars device */
    bool has_label;    /* as which user this QEMU runs: <seclabel model='dac'> of a domain that is being started */
    uid_t uid;
    gid_t gid;
    char selinux[256]; /* its SELinux label, when it has one */
    char origin[256];  /* the host where it runs, by its metadata (origin.h) */
};

struct hf_domain_xml; /* a parsed document */

/* HF_EREFUSED "xml": larger than HF_DOMAIN_XML_MAX; HF_EDAMAGED: no XML, no <domain>, a field that is too long, no name
 * or UUID. HF_ENOMEM. */
int hf_domain_xml_parse(const char *text, size_t size, struct hf_domain_xml **out, struct hf_error *err);
void hf_domain_xml_free(struct hf_domain_xml *doc);
static inline void hf_domain_xml_cleanup(struct hf_domain_xml **doc)
{
    hf_domain_xml_free(*doc);
}
/* Owned by the document, and unchanged by the rewritings. */
const struct hf_domain *hf_domain_facts(const struct hf_domain_xml *doc);

/* Whether a container can hold this domain's firmware. HF_EREFUSED with one of the rules
 *   hypervisor    no QEMU
 *   confidential  its firmware is measured at launch
 *   bios          firmware that is no flash image (-bios)
 *   stateless     firmware without variables by design
 *   uefi-vars     variables in QEMU's uefi-vars device
 *   nvram         variables on a block device or a network source
 *   adopted       it is in a container already */
int hf_domain_suitable(const struct hf_domain *domain, struct hf_error *err);

/* The new XML; free() it. `secure`: what was chosen for <os firmware='efi'> wants the secure flash. `reconnect` is how
 * many seconds QEMU waits for a server that went away; 0: it does not. */
int hf_domain_xml_enter(struct hf_domain_xml *doc, const char *code, const char *socket, bool secure,
                        unsigned reconnect, char **out, struct hf_error *err);

/* The XML with the firmware of `original` again; free() it. `loader` and `nvram` (may be NULL): these files instead of
 * the original's, written out even where libvirt chose for itself; `loader` NULL: exactly the original's. */
int hf_domain_xml_leave(struct hf_domain_xml *doc, const struct hf_domain_xml *original, const char *loader,
                        const char *nvram, bool secure, char **out, struct hf_error *err);

#endif
