/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's way to the two files through its fw_cfg client:
 *
 *     struct hf_fwcfg_client client;
 *     struct hf_fwcfg_negotiate_link link;
 *     struct hf_negotiate_port port;
 *
 *     hf_fwcfg_client_ports(&client, HF_FWCFG_PORT_BASE);
 *     if (hf_fwcfg_client_open(&client) == 0 && hf_fwcfg_negotiate_link(&link, &client, &port) == 0)
 *         hf_negotiate_guest(&port, &want, &agreed, &replay);
 *
 * Freestanding.
 */
#ifndef HOLDFAST_FWCFG_NEGOTIATE_GUEST_H
#define HOLDFAST_FWCFG_NEGOTIATE_GUEST_H

#include <holdfast/fwcfg_client.h>
#include <holdfast/negotiate_guest.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hf_fwcfg_negotiate_link {
    struct hf_fwcfg_client *client;
    struct hf_fwcfg_file domains, window;
};

static inline int hf_fwcfg_negotiate_read_directory(void *opaque, uint32_t offset, void *to, uint32_t size)
{
    struct hf_fwcfg_negotiate_link *l = (struct hf_fwcfg_negotiate_link *)opaque;

    if (offset > l->domains.size || size > l->domains.size - offset)
        return -HF_EPROTO;
    return hf_fwcfg_client_read_at(l->client, &l->domains, offset, to, size);
}

static inline int hf_fwcfg_negotiate_exchange(void *opaque, const struct hf_negotiate_request *request,
                                              struct hf_negotiate_answer *answer)
{
    struct hf_fwcfg_negotiate_link *l = (struct hf_fwcfg_negotiate_link *)opaque;
    int r = hf_fwcfg_client_write(l->client, &l->window, request, sizeof *request);

    return r < 0 ? r
                 : hf_fwcfg_client_read_at(l->client, &l->window, HF_NEGOTIATE_STATUS_OFFSET, answer, sizeof *answer);
}

/* Finds the two files. HF_ENOTFOUND: this host has no negotiation; HF_EPROTO: the window is too small; HF_EREFUSED: no
 * DMA, so nothing can be written. In all cases: baseline. */
static inline int hf_fwcfg_negotiate_link(struct hf_fwcfg_negotiate_link *link, struct hf_fwcfg_client *client,
                                          struct hf_negotiate_port *ret)
{
    int r;

    link->client = client;
    if (!client->dma)
        return -HF_EREFUSED;
    r = hf_fwcfg_client_find(client, HF_NEGOTIATE_DOMAINS_FILE, &link->domains);
    if (r == 0)
        r = hf_fwcfg_client_find(client, HF_NEGOTIATE_WINDOW_FILE, &link->window);
    if (r == 0 && link->window.size < sizeof(struct hf_negotiate_window))
        r = -HF_EPROTO;
    if (r < 0)
        return r;
    ret->read_directory = hf_fwcfg_negotiate_read_directory;
    ret->exchange = hf_fwcfg_negotiate_exchange;
    ret->opaque = link;
    return 0;
}

#ifdef __cplusplus
}
#endif
#endif
