/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "guest_work.h"

#define SIZE (64U << 20)

static struct hf_loop loop;
static struct hf_guest_work *work;
static unsigned turns, done;
static struct hf_guest_worked worked;

/* Half of it does not compress, so that the work takes a while. */
static uint8_t *image(void)
{
    uint64_t state = 88172645463325252u;
    uint8_t *bytes = malloc(SIZE);

    assert_non_null(bytes);
    memset(bytes, 0, SIZE);
    for (size_t i = 0; i < SIZE / 2; i += 8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        memcpy(bytes + i, &state, 8);
    }
    return bytes;
}

static void tick(void *ctx)
{
    turns++;
    assert_int_equal(hf_loop_timer(&loop, 1, tick, ctx, NULL), 0);
}

static void finished(void *ctx)
{
    done++;
    worked = *hf_guest_work_result(work);
    hf_guest_work_free(work);
    work = NULL;
}

static void the_loop_goes_on_while_an_image_is_looked_at(void **state)
{
    uint8_t *bytes = image();
    struct hf_digest digest = hf_digest_of(bytes, SIZE);
    unsigned at_least;

    hf_loop_init(&loop);
    turns = done = 0;
    assert_int_equal(hf_guest_work_start(&loop, bytes, SIZE, finished, NULL, &work, NULL), 0);
    assert_int_equal(hf_loop_timer(&loop, 1, tick, NULL, NULL), 0);
    for (at_least = 0; !done && at_least < 1000000; at_least++)
        assert_int_equal(hf_loop_turn(&loop, -1, NULL), 0);
    assert_int_equal(done, 1);
    assert_true(turns > 0);
    assert_memory_equal(worked.digest.b, digest.b, sizeof digest.b);
    assert_int_equal(worked.r, -HF_EREFUSED); /* no firmware */
    assert_string_equal(worked.err.rule, "image");
}

static void what_nobody_waits_for_is_ended(void **state)
{
    hf_loop_init(&loop);
    done = 0;
    assert_int_equal(hf_guest_work_start(&loop, image(), SIZE, finished, NULL, &work, NULL), 0);
    hf_guest_work_free(work);
    assert_int_equal(hf_loop_turn(&loop, 0, NULL), 0);
    assert_int_equal(done, 0);
    hf_guest_work_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loop_goes_on_while_an_image_is_looked_at),
        cmocka_unit_test(what_nobody_waits_for_is_ended),
    };

    return cmocka_run_group_tests_name("supervisor-guest-work", tests, NULL, NULL);
}
