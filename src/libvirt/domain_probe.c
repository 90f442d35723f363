/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain_probe.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "command_line.h"
#include "container_needs.h"
#include "domain_xml.h"
#include "host_describe.h"
#include "recorded_program.h"

/* ---- source ---- */

/* The XML of a domain that runs has what was plugged in since. */
static int command_of(struct hf_virt *v, struct hf_domain_probe *p, struct hf_words *words, struct hf_error *err)
{
    hf_auto(hf_domain_xml_cleanup) struct hf_domain_xml *doc = NULL;
    hf_auto(hf_cleanup_free) char *xml = NULL, *line = NULL;
    int r = p->running ? hf_virt_xml_now(v, &xml, err) : hf_virt_xml(v, &xml, err);

    if (r == 0)
        r = hf_domain_xml_parse(xml, strlen(xml), &doc, err);
    if (r < 0)
        return r;
    p->emulated = p->running && strcmp(hf_domain_facts(doc)->type, "kvm") != 0;
    r = hf_virt_command_line(v, xml, &line, err);
    return r < 0 ? r : hf_command_line_words(line, words, err);
}

static bool loads(const struct hf_rom_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (!strcmp(names->name[i], name))
            return true;
    }
    return false;
}

static int find_roms(struct hf_domain_probe *p, const char *qemu, struct hf_error *err)
{
    const json_t *file;
    size_t i;

    p->files = hf_host_roms(qemu);
    if (!p->files)
        return hf_error_nomem(err);
    json_array_foreach(p->files, i, file) {
        const char *name = json_string_value(json_object_get(file, "name"));

        if (p->rom_count < HF_ROMS_MAX && loads(&p->peer.roms, name))
            p->roms[p->rom_count++] =
                (struct hf_rom_need){.name = name,
                                     .digest = json_string_value(json_object_get(file, "digest")),
                                     .size = (uint64_t)json_integer_value(json_object_get(file, "size"))};
    }
    return 0;
}

static int probe(struct hf_container *c, const struct hf_words *words, struct hf_domain_probe *p, struct hf_error *err)
{
    const struct hf_peer_probe_source source = {
        .program = words->at[0], .argv = words->at + 1, .argc = (int)words->count - 1};
    struct hf_container_needs *read = NULL;
    struct hf_guest_needs needs;
    int r = hf_container_needs_read(c, &read, err);

    if (r < 0)
        return r;
    needs = *hf_container_needs_get(read);
    needs.running = p->running;
    needs.rom_count = 0; /* the hosts' own */
    r = hf_peer_probe_prepare(c, &needs, &source, &p->peer, err);
    hf_container_needs_free(read);
    if (r < 0 || !p->peer.request)
        return r;
    (void)json_object_set_new(p->peer.request, "emulator", json_string(source.program));
    return find_roms(p, source.program, err);
}

int hf_domain_probe_prepare(struct hf_virt *v, struct hf_container *c, bool running, struct hf_domain_probe *ret,
                            struct hf_error *err)
{
    hf_auto(hf_words_done) struct hf_words words = {0};
    struct hf_domain_probe p = {.running = running};
    struct hf_error why;
    int r = 0;

    if (command_of(v, &p, &words, &why) < 0)
        (void)snprintf(p.peer.why, sizeof p.peer.why, "%.500s", why.text);
    else
        r = probe(c, &words, &p, err);
    if (r < 0)
        hf_domain_probe_done(&p);
    else
        *ret = p;
    return r;
}

void hf_domain_probe_done(struct hf_domain_probe *p)
{
    hf_peer_probe_done(&p->peer);
    json_decref(p->files);
    *p = (struct hf_domain_probe){.files = NULL};
}

json_t *hf_domain_probe_extra(const struct hf_domain_probe *p)
{
    return p->peer.request ? json_pack("{s:O}", "probe", p->peer.request) : NULL;
}

/* ---- destination ---- */

/* libvirt there runs what the domain's XML names. A name that is no QEMU's is not run by us: then nothing is answered,
 * and rules alone decide. */
int hf_domain_probe_answer(const json_t *extra, char **caps, struct hf_error *err)
{
    const json_t *request = json_object_get(extra, "probe");
    const char *emulator = json_string_value(json_object_get(request, "emulator"));
    const struct hf_peer_probe_host host = {.program = emulator};

    if (!emulator || hf_recorded_program_check(emulator, NULL) < 0)
        return 0;
    return hf_peer_probe_answer(request, &host, caps, err);
}
