/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain_roms.h"

#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "domain_xml_inside.h"

static void cleanup_xml(xmlChar **text)
{
    xmlFree(*text);
}

static bool attribute_is(const xmlNode *node, const char *name, const char *wanted)
{
    hf_auto(cleanup_xml) xmlChar *value = node ? xmlGetNoNsProp(node, (const xmlChar *)name) : NULL;

    return value && !strcmp((const char *)value, wanted);
}

static void count_host(struct hf_domain_roms *roms, const char *kind, const char *model)
{
    size_t used = strlen(roms->words);

    roms->host++;
    (void)snprintf(roms->words + used, sizeof roms->words - used, "%s%s %s", used ? ", " : "", kind, model);
}

/* A network card has a ROM unless it is told to have none. */
static void look_at_interface(struct hf_domain_roms *roms, const xmlNode *node)
{
    const xmlNode *rom = hf_xml_child(node, "rom"), *model = hf_xml_child(node, "model");
    hf_auto(cleanup_xml) xmlChar *file = rom ? xmlGetNoNsProp(rom, (const xmlChar *)"file") : NULL;
    hf_auto(cleanup_xml) xmlChar *type = model ? xmlGetNoNsProp(model, (const xmlChar *)"type") : NULL;

    if (attribute_is(rom, "enabled", "no") || attribute_is(rom, "bar", "off") ||
        (file && !file[0])) /* an empty name is none, too */
        return;
    if (file)
        roms->files++;
    else
        count_host(roms, "interface", type ? (const char *)type : "?");
}

static void look_at_video(struct hf_domain_roms *roms, const xmlNode *node)
{
    const xmlNode *model = hf_xml_child(node, "model");
    hf_auto(cleanup_xml) xmlChar *type = model ? xmlGetNoNsProp(model, (const xmlChar *)"type") : NULL;

    if (type && strcmp((const char *)type, "none") != 0)
        count_host(roms, "video", (const char *)type);
}

void hf_domain_roms(const struct hf_domain_xml *doc, struct hf_domain_roms *roms)
{
    const xmlNode *devices = hf_xml_child(xmlDocGetRootElement(doc->doc), "devices");
    struct hf_domain_roms found = {.host = 0};

    for (const xmlNode *n = NULL; (n = hf_xml_next_child(devices, n, "interface"));)
        look_at_interface(&found, n);
    for (const xmlNode *n = NULL; (n = hf_xml_next_child(devices, n, "video"));)
        look_at_video(&found, n);
    *roms = found;
}
