/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "mailbox_guest.h"
#include "mailbox_host.h"

#ifndef ANSWERS
#define ANSWERS 2000 /* to a scribbling guest */
#endif

static _Alignas(4096) uint8_t window[HF_MAILBOX_SIZE];
static uint8_t memory[8192];
static struct hf_negotiate *negotiate;
static struct hf_mailbox host;
static struct hf_mailbox_port port;

static int open_window(uint32_t generation)
{
    static const struct hf_negotiate_rule rules[] = {{1, 0}};
    const struct hf_negotiate_domain domains[] = {
        {.name = "acpi-loader", .version = 1, .supported = {{3}}, .rules = rules, .n_rules = 1},
        {.name = "lifecycle", .version = 1, .supported = {{1}}},
    };
    int r = hf_negotiate_init(memory, sizeof memory, domains, 2, generation, &negotiate, NULL);

    return r < 0 ? r : hf_mailbox_publish(window, negotiate, generation, &host, NULL);
}

/* The host answers while the guest waits. */
static bool poll_host(void *opaque, uint32_t waited)
{
    struct hf_mailbox_news news;

    (void)hf_mailbox_poll(&host, &news);
    return waited < 100;
}

static bool nobody_answers(void *opaque, uint32_t waited)
{
    return waited < 100;
}

static int fresh(void **state)
{
    memset(window, 0, sizeof window);
    port = (struct hf_mailbox_port){.window = (volatile uint32_t *)(void *)window, .wait = poll_host};
    return open_window(1);
}

static int agree(const char *domain, uint64_t bits, struct hf_bits *agreed)
{
    struct hf_negotiate_want want = {.domain = domain, .version = 1, .bits = hf_bits_of(bits)};
    struct hf_negotiate_port files;

    hf_mailbox_guest_negotiate_port(&port, &files);
    return hf_negotiate_guest(&files, &want, agreed, NULL);
}

static void domains_are_agreed_on_one_by_one(void **state)
{
    struct hf_bits agreed, there;

    assert_int_equal(hf_mailbox_guest_start(&port), 0);
    assert_int_equal(agree("acpi-loader", 7, &agreed), 0);
    assert_int_equal(agreed.byte[0], 3);
    assert_false(hf_negotiate_agreed(negotiate, "lifecycle", &there));
    assert_int_equal(agree("lifecycle", 1, &agreed), 0);
    assert_true(hf_negotiate_agreed(negotiate, "acpi-loader", &there));
    assert_int_equal(there.byte[0], 3);
    assert_int_equal(agree("unheard-of", 1, &agreed), -HF_ENOTFOUND);
}

static int kept, keep_fails;

static int keep(void *opaque, const struct hf_mailbox_news *news)
{
    struct hf_bits there;
    struct hf_negotiate_row row;
    struct hf_negotiate_port files;

    assert_string_equal(news->domain, "acpi-loader");
    assert_true(hf_negotiate_agreed(negotiate, "acpi-loader", &there));
    hf_mailbox_guest_negotiate_port(&port, &files);
    assert_int_equal(hf_negotiate_find(&files, "acpi-loader", &row), 0);
    assert_int_equal(hf_le32_get(row.state), kept ? HF_NEGOTIATE_LOCKED : HF_NEGOTIATE_OPEN); /* not shown before */
    if (keep_fails > 0) {
        keep_fails--;
        return -HF_EIO;
    }
    kept++;
    return 0;
}

/* Whoever keeps the contract has it before the guest reads anything of it. */
static void an_answer_is_kept_before_it_is_given(void **state)
{
    struct hf_bits agreed;

    host.keep = keep;
    kept = 0;
    keep_fails = 1000000;
    assert_int_equal(hf_mailbox_guest_start(&port), 0);
    assert_int_equal(agree("acpi-loader", 3, &agreed), -HF_ETIMEDOUT);
    keep_fails = 5;
    assert_int_equal(agree("acpi-loader", 3, &agreed), 0);
    assert_int_equal(keep_fails, 0);
    assert_int_equal(kept, 1);
    assert_int_equal(agreed.byte[0], 3);
}

static void without_a_host_there_is_no_mailbox(void **state)
{
    memset(window, 0, sizeof window);
    assert_int_equal(hf_mailbox_guest_start(&port), -HF_ENOTFOUND);
    memset(window, 0xff, sizeof window);
    assert_int_equal(hf_mailbox_guest_start(&port), -HF_ENOTFOUND);
}

static void a_host_that_withdraws_is_no_host_until_it_publishes_again(void **state)
{
    struct hf_mailbox_reply *reply = (struct hf_mailbox_reply *)(void *)(window + HF_MAILBOX_REPLY_AT);
    struct hf_bits agreed;

    assert_int_equal(hf_mailbox_guest_start(&port), 0);
    assert_int_equal(agree("lifecycle", 1, &agreed), 0);
    reply->mode = hf_le32_of(HF_MAILBOX_MODE_ALWAYS);
    hf_mailbox_withdraw(window);
    assert_int_equal(hf_mailbox_guest_start(&port), -HF_ENOTFOUND);
    assert_int_equal(hf_le32_get(reply->mode), 0);
    assert_true(agree("acpi-loader", 1, &agreed) < 0); /* a driver in the middle of it finds no host */
    assert_int_equal(open_window(9), 0);
    assert_int_equal(hf_mailbox_guest_start(&port), 0);
    assert_int_equal(agree("acpi-loader", 1, &agreed), 0);
}

static void a_host_that_does_not_answer_means_no_features(void **state)
{
    struct hf_bits agreed;

    port.wait = nobody_answers;
    assert_int_equal(hf_mailbox_guest_start(&port), 0);
    assert_int_equal(agree("acpi-loader", 1, &agreed), -HF_ETIMEDOUT);
}

static void without_a_guest_nothing_is_answered(void **state)
{
    struct hf_mailbox_news news;
    hf_le32 ask = hf_le32_of(1);

    assert_false(hf_mailbox_poll(&host, &news));
    memcpy(window + offsetof(struct hf_mailbox_guest, ask), &ask, sizeof ask);
    assert_false(hf_mailbox_poll(&host, &news));
}

/* The host's half is made anew between question and answer, as by a migration's destination. */
static bool host_made_anew(void *opaque, uint32_t waited)
{
    if (waited == 0)
        assert_int_equal(open_window(host.generation + 1), 0);
    return poll_host(opaque, waited);
}

static void a_question_is_put_again_to_a_new_generation(void **state)
{
    struct hf_bits agreed, there;

    assert_int_equal(hf_mailbox_guest_start(&port), 0);
    port.wait = host_made_anew;
    assert_int_equal(agree("acpi-loader", 3, &agreed), -HF_ETIMEDOUT); /* anew at every question: never answered */
    port.wait = poll_host;
    assert_int_equal(agree("acpi-loader", 3, &agreed), 0);
    assert_true(hf_negotiate_agreed(negotiate, "acpi-loader", &there));
    assert_true(hf_bits_equal(&agreed, &there));
    assert_true(host.generation > 1);
}

static void a_question_to_another_host_is_not_answered(void **state)
{
    struct hf_mailbox_news news;
    struct hf_bits agreed;

    assert_int_equal(hf_mailbox_guest_start(&port), 0);
    port.wait = nobody_answers;
    assert_int_equal(agree("acpi-loader", 1, &agreed), -HF_ETIMEDOUT);
    assert_int_equal(open_window(host.generation + 1), 0);
    (void)hf_mailbox_poll(&host, &news);
    assert_false(news.asked);
    assert_false(hf_negotiate_agreed(negotiate, "acpi-loader", &agreed));
}

static void stages_only_count_up_until_reset(void **state)
{
    struct hf_mailbox_news news;
    struct hf_bits there;

    assert_int_equal(hf_mailbox_guest_start(&port), 0);
    assert_true(hf_mailbox_poll(&host, &news));
    assert_int_equal(news.stage, HF_MAILBOX_STAGE_STARTED);
    hf_mailbox_guest_report(&port, HF_MAILBOX_STAGE_EXIT_BOOT);
    assert_true(hf_mailbox_poll(&host, &news) && news.moved_on);
    hf_mailbox_guest_report(&port, HF_MAILBOX_STAGE_STARTED);
    assert_false(hf_mailbox_poll(&host, &news));
    hf_mailbox_guest_report(&port, (enum hf_mailbox_stage)99);
    assert_false(hf_mailbox_poll(&host, &news));
    assert_int_equal(agree("lifecycle", 1, &there), 0);
    hf_mailbox_reset(&host);
    assert_int_equal(host.stage, HF_MAILBOX_STAGE_NONE);
    assert_false(hf_negotiate_agreed(negotiate, "lifecycle", &there));
    assert_false(hf_mailbox_poll(&host, &news)); /* the guest's page is empty again */
}

static void the_outcome_of_the_script_is_told_once(void **state)
{
    struct hf_mailbox_news news;

    assert_int_equal(hf_mailbox_guest_start(&port), 0);
    assert_true(hf_mailbox_poll(&host, &news) && !news.loaded);
    hf_mailbox_guest_loaded(&port, (enum hf_mailbox_loader)99);
    assert_false(hf_mailbox_poll(&host, &news));
    hf_mailbox_guest_loaded(&port, HF_MAILBOX_LOADER_BAD_SCRIPT);
    assert_true(hf_mailbox_poll(&host, &news) && news.loaded);
    assert_string_equal(hf_mailbox_loader_name(news.loader), "bad-script");
    hf_mailbox_guest_loaded(&port, HF_MAILBOX_LOADER_INSTALLED);
    assert_false(hf_mailbox_poll(&host, &news));
    hf_mailbox_reset(&host);
    assert_int_equal(host.loader, HF_MAILBOX_LOADER_NONE);
}

/* A driver that is started a second time in one boot does not take an old answer for its own. */
static void a_second_start_goes_on_counting(void **state)
{
    struct hf_bits agreed;

    assert_int_equal(hf_mailbox_guest_start(&port), 0);
    assert_int_equal(agree("lifecycle", 1, &agreed), 0);
    port.ask = 0;
    assert_int_equal(hf_mailbox_guest_start(&port), 0);
    assert_int_equal(agree("acpi-loader", 1, &agreed), 0);
    assert_int_equal(agreed.byte[0], 1);
    assert_int_equal(port.ask, host.answered);
    assert_int_equal(port.ask, 2);
}

static bool host_gives_files_late(void *opaque, uint32_t waited)
{
    const struct hf_mailbox_blob file = {"etc/table-loader", "x", 1};

    return waited < 3 || hf_mailbox_put_files(&host, &file, 1, NULL) == 0;
}

static void files_are_waited_for(void **state)
{
    uint32_t generation = 0;

    assert_int_equal(hf_mailbox_guest_start(&port), 0);
    port.wait = nobody_answers;
    assert_int_equal(hf_mailbox_guest_wait_files(&port, &generation), -HF_ETIMEDOUT);
    port.wait = host_gives_files_late;
    assert_int_equal(hf_mailbox_guest_wait_files(&port, &generation), 0);
    assert_int_equal(generation, host.generation);
    assert_int_equal(open_window(host.generation + 1), 0);
    assert_int_not_equal(hf_mailbox_guest_generation(&port), generation);
}

static void files_arrive_whole_and_in_bounds(void **state)
{
    static const uint8_t script[130] = {1, 2, 3}, odd[7] = "abcdefg";
    const struct hf_mailbox_blob files[] = {{"etc/table-loader", script, sizeof script}, {"etc/odd", odd, sizeof odd}};
    const struct hf_mailbox_blob huge = {"etc/huge", script, HF_MAILBOX_SIZE};
    const struct hf_mailbox_blob nameless = {"", script, 1};
    struct hf_mailbox_file row;
    uint8_t got[200];

    assert_int_equal(hf_mailbox_guest_start(&port), 0);
    assert_int_equal(hf_mailbox_guest_file(&port, 0, &row), -HF_ENOTFOUND);
    assert_int_equal(hf_mailbox_put_files(&host, files, 2, NULL), 0);
    assert_int_equal(hf_mailbox_guest_file(&port, 1, &row), 0);
    assert_string_equal(row.name, "etc/odd");
    assert_int_equal(hf_mailbox_guest_read(&port, &row, got, sizeof got), 0);
    assert_memory_equal(got, odd, sizeof odd);
    assert_int_equal(hf_mailbox_guest_read(&port, &row, got, 6), -HF_ENOMEM);
    assert_int_equal(hf_mailbox_guest_file(&port, 0, &row), 0);
    assert_int_equal(hf_mailbox_guest_read(&port, &row, got, sizeof got), 0);
    assert_memory_equal(got, script, sizeof script);
    assert_int_equal(hf_mailbox_guest_file(&port, 2, &row), -HF_ENOTFOUND);
    assert_int_equal(hf_mailbox_put_files(&host, &huge, 1, NULL), -HF_ENOSPC);
    assert_int_equal(hf_mailbox_put_files(&host, &nameless, 1, NULL), -HF_EUSAGE);
}

static void the_guest_does_not_believe_the_host(void **state)
{
    struct hf_mailbox_file row;
    struct hf_mailbox_host *head = (struct hf_mailbox_host *)(void *)(window + HF_MAILBOX_HOST_AT);
    struct hf_bits agreed;

    assert_int_equal(hf_mailbox_guest_start(&port), 0);
    head->file_count = hf_le32_of(1);
    head->files_at = hf_le32_of(HF_MAILBOX_SIZE - 4);
    assert_int_equal(hf_mailbox_guest_file(&port, 0, &row), -HF_EPROTO);
    head->files_at = hf_le32_of(HF_MAILBOX_DOMAINS_AT + 1);
    assert_int_equal(hf_mailbox_guest_file(&port, 0, &row), -HF_EPROTO);
    row = (struct hf_mailbox_file){.at = hf_le32_of(0xfffffffc), .size = hf_le32_of(8)};
    assert_int_equal(hf_mailbox_guest_read(&port, &row, &agreed, sizeof agreed), -HF_EPROTO);
    head->domains_at = hf_le32_of(0xfffff000);
    assert_int_equal(agree("lifecycle", 1, &agreed), -HF_EPROTO);
}

/* A guest that writes anything anywhere while the host polls: answered or ignored, and the host's half stays its own.
 */
static atomic_bool scribbler_ends;

static void *scribble(void *seed)
{
    unsigned random = *(unsigned *)seed;

    while (!atomic_load(&scribbler_ends)) {
        size_t at = (size_t)(rand_r(&random) % 1024);
        _Atomic uint32_t *word = (_Atomic uint32_t *)(void *)(window + at * 4);

        atomic_store(word, at % 3 ? (uint32_t)rand_r(&random) : (uint32_t)rand_r(&random) % 8);
        if (rand_r(&random) % 16 == 0) { /* often enough it looks like a guest */
            uint32_t magic;

            memcpy(&magic, HF_MAILBOX_GUEST_MAGIC, sizeof magic);
            atomic_store((_Atomic uint32_t *)(void *)window, magic);
            atomic_store((_Atomic uint32_t *)(void *)(window + 4), HF_MAILBOX_VERSION);
            atomic_store((_Atomic uint32_t *)(void *)(window + 12), host.generation);
        }
    }
    return NULL;
}

static void a_scribbling_guest_harms_nothing(void **state)
{
    unsigned seed = (unsigned)time(NULL), answers = 0;
    struct hf_mailbox_news news;
    pthread_t guest;

    print_message("# seed %u\n", seed);
    atomic_store(&scribbler_ends, false);
    assert_int_equal(pthread_create(&guest, NULL, scribble, &seed), 0);
    for (unsigned i = 0; i < 50000000 && answers < ANSWERS; i++)
        if (hf_mailbox_poll(&host, &news)) {
            answers += news.asked;
            assert_true((unsigned)news.status < HF_NEGOTIATE_STATUS_MAX);
            assert_true(memchr(news.domain, 0, sizeof news.domain) != NULL);
        }
    atomic_store(&scribbler_ends, true);
    pthread_join(guest, NULL);
    assert_true(answers > 0);
    assert_memory_equal(window + HF_MAILBOX_HOST_AT, HF_MAILBOX_HOST_MAGIC, 4);
    assert_true(host.generation == 1);
}

int main(void)
{
#define IT(f) cmocka_unit_test_setup(f, fresh)
    const struct CMUnitTest tests[] = {
        IT(domains_are_agreed_on_one_by_one),
        IT(an_answer_is_kept_before_it_is_given),
        IT(without_a_host_there_is_no_mailbox),
        IT(a_host_that_does_not_answer_means_no_features),
        IT(a_host_that_withdraws_is_no_host_until_it_publishes_again),
        IT(without_a_guest_nothing_is_answered),
        IT(a_question_is_put_again_to_a_new_generation),
        IT(a_question_to_another_host_is_not_answered),
        IT(stages_only_count_up_until_reset),
        IT(the_outcome_of_the_script_is_told_once),
        IT(a_second_start_goes_on_counting),
        IT(files_are_waited_for),
        IT(files_arrive_whole_and_in_bounds),
        IT(the_guest_does_not_believe_the_host),
        IT(a_scribbling_guest_harms_nothing),
    };

    return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
