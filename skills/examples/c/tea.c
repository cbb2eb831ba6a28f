// The skill `org.example.tea`: how long a tea has to steep, and which one is the favourite.
//
// Must not say that it remembers something before the store has said so. Reaches the world only through
// generated/skill.h.

#include "generated/skill.h"

#include <stdlib.h>
#include <string.h>

// Where the favourite is kept; the only thing that outlives a turn.
static const char FAVOURITE[] = "favourite";

struct tea {
  const char *value;  // as in sentences/en.toml
  const char *name;
  const char *speech;
  const char *shown;
};

static const struct tea TEAS[] = {
    {"black", "black tea", "Black tea steeps for four minutes, in boiling water.", "4 min, 100 °C"},
    {"green", "green tea", "Green tea steeps for two minutes, in water of 80 degrees.", "2 min, 80 °C"},
    {"white", "white tea", "White tea steeps for three minutes, in water of 75 degrees.", "3 min, 75 °C"},
    {"oolong", "oolong", "Oolong steeps for three minutes, in water of 90 degrees.", "3 min, 90 °C"},
    {"herbal", "herbal tea", "Herbal tea steeps for eight minutes, in boiling water.", "8 min, 100 °C"},
    {"rooibos", "rooibos", "Rooibos steeps for six minutes, in boiling water.", "6 min, 100 °C"},
};

// Strings of the contract have a length and no zero at the end.
static bool is(const uint8_t *bytes, size_t length, const char *text) {
  return length == strlen(text) && memcmp(bytes, text, length) == 0;
}

static const struct tea *tea_of(const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < sizeof TEAS / sizeof *TEAS; i++) {
    if (is(bytes, length, TEAS[i].value)) return &TEAS[i];
  }
  return NULL;
}

// The tea that was said; NULL when none was. The host fills the slot with a value of the entity, never with other
// words.
static const struct tea *said(const skill_invocation_t *invocation) {
  for (size_t i = 0; i < invocation->slots.len; i++) {
    const valet_skill_types_slot_t *slot = &invocation->slots.ptr[i];
    if (is(slot->name.ptr, slot->name.len, "tea") && slot->value.tag == VALET_SKILL_TYPES_VALUE_TEXT) {
      return tea_of(slot->value.val.text.ptr, slot->value.val.text.len);
    }
  }
  return NULL;
}

// The tea that was said last to be the favourite; NULL when there is none, also when the device does not let the skill
// store.
static const struct tea *favourite(void) {
  skill_string_t key;
  skill_string_set(&key, FAVOURITE);  // borrowed for the call: nothing to free
  skill_option_list_u8_t kept;
  valet_skill_store_store_error_t error;
  if (!valet_skill_store_read(&key, &kept, &error) || !kept.is_some) return NULL;
  const struct tea *tea = tea_of(kept.val.ptr, kept.val.len);
  skill_list_u8_free(&kept.val);  // what a call returns is ours
  return tea;
}

// An outcome is freed when the host has read it, piece by piece, so each piece is allocated: no literals, no pointers
// into the invocation.
static void answer(skill_outcome_t *outcome, const struct tea *tea) {
  outcome->tag = VALET_SKILL_TYPES_OUTCOME_ANSWER;
  valet_skill_types_answer_t *answer = &outcome->val.answer;
  skill_string_dup(&answer->speech, tea->speech);
  answer->display.ptr = malloc(sizeof *answer->display.ptr);
  if (!answer->display.ptr) abort();  // a trap: the turn ends, the daemon goes on
  answer->display.len = 1;
  skill_string_dup(&answer->display.ptr[0].f0, "steep");  // a key: small letters, digits, hyphens
  skill_string_dup(&answer->display.ptr[0].f1, tea->shown);
}

static void ask_which(skill_outcome_t *outcome) {
  outcome->tag = VALET_SKILL_TYPES_OUTCOME_NEEDS_SLOT;
  skill_string_dup(&outcome->val.needs_slot.slot, "tea");
  skill_string_dup(&outcome->val.needs_slot.speech, "Which tea is it?");
}

static bool steep_time(const skill_invocation_t *invocation, skill_outcome_t *outcome) {
  const struct tea *tea = said(invocation);
  if (!tea) tea = favourite();
  if (tea) {
    answer(outcome, tea);
  } else {
    ask_which(outcome);
  }
  return true;
}

// Three texts in one. There is no snprintf: that of the C library wants files, which a skill is not given.
static void join(skill_string_t *joined, const char *begin, const char *middle, const char *end) {
  const size_t lengths[] = {strlen(begin), strlen(middle), strlen(end)};
  joined->len = lengths[0] + lengths[1] + lengths[2];
  joined->ptr = malloc(joined->len);
  if (!joined->ptr) abort();
  memcpy(joined->ptr, begin, lengths[0]);
  memcpy(joined->ptr + lengths[0], middle, lengths[1]);
  memcpy(joined->ptr + lengths[0] + lengths[1], end, lengths[2]);
}

// An answer, not `done`: that is for what the host can observe in the vehicle or elsewhere. The skill's own memory is
// the skill's to speak of, once the store has said that it is on disk.
static bool set_favourite(const skill_invocation_t *invocation, skill_outcome_t *outcome,
                          skill_skill_error_t *failure) {
  const struct tea *tea = said(invocation);
  if (!tea) {
    failure->tag = VALET_SKILL_TYPES_SKILL_ERROR_BAD_SLOT;
    skill_string_dup(&failure->val.bad_slot, "tea");
    return false;
  }
  skill_string_t key;
  skill_string_set(&key, FAVOURITE);
  skill_list_u8_t value = {(uint8_t *)tea->value, strlen(tea->value)};
  valet_skill_store_store_error_t error;
  if (!valet_skill_store_write(&key, &value, &error)) {
    outcome->tag = VALET_SKILL_TYPES_OUTCOME_CANNOT_DO;
    const bool denied = error.tag == VALET_SKILL_STORE_STORE_ERROR_NOT_GRANTED;
    skill_string_dup(&outcome->val.cannot_do,
                     denied ? "I am not allowed to remember that." : "I cannot keep that in mind now.");
    return true;
  }
  outcome->tag = VALET_SKILL_TYPES_OUTCOME_ANSWER;
  outcome->val.answer.display.ptr = NULL;
  outcome->val.answer.display.len = 0;
  join(&outcome->val.answer.speech, "I will remember that ", tea->name, " is your favourite.");
  return true;
}

bool exports_skill_handle(skill_invocation_t *invocation, skill_outcome_t *outcome,
                          skill_skill_error_t *failure) {
  bool fine = false;
  if (is(invocation->intent.ptr, invocation->intent.len, "steep-time")) {
    fine = steep_time(invocation, outcome);
  } else if (is(invocation->intent.ptr, invocation->intent.len, "set-favourite")) {
    fine = set_favourite(invocation, outcome, failure);
  } else {
    failure->tag = VALET_SKILL_TYPES_SKILL_ERROR_UNKNOWN_INTENT;
  }
  valet_skill_types_invocation_free(invocation);
  return fine;
}

// The contract wants these two of every skill. This one has no alarms and follows no topics, so they are never
// called.
bool exports_skill_on_alarm(skill_ringing_t *alarm, skill_skill_error_t *failure) {
  (void)failure;
  valet_skill_types_ringing_free(alarm);
  return true;
}

bool exports_skill_on_message(skill_received_t *message, skill_skill_error_t *failure) {
  (void)failure;
  valet_skill_types_received_free(message);
  return true;
}
