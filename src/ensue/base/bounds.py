"""Every bound of the system, in one place. Sizes in bytes, times in milliseconds."""

from ensue.base.clock import DAY, HOUR, MINUTE, SECOND

# Bodies
BODY = 64 * 1024
BATCH_BODY = 1024 * 1024
BATCH_INFLATED = 4 * 1024 * 1024
BATCH_EVENTS = 1_000
DEPTH = 32
BODY_SECONDS = 15

# Connections
HEAD = 64 * 1024
HEAD_SECONDS = 15
STALL_SECONDS = 30

# Events
EVENT_TYPE = 200
TEXT = 2_048
IDEMPOTENCY_KEY = 255
CLOCK_SKEW = 5 * MINUTE
TRIGGER_HORIZON = 72 * HOUR
ATTRIBUTION = 30 * DAY

# Lists
PAGE_DEFAULT = 50
PAGE_MOST = 200
SAMPLE = 10

STREAM_BEAT_SECONDS = 15

# What follows from an event
CAUSE_DEPTH = 8

# One transaction
GROUP_EVENTS = 1_000
GROUP_QUEUE = 8_192
GROUP_WORKS = 16
WORKS_QUEUE = 2_048
DUE_CONTACTS = 200
# So long rests a contact whose timers fail, and nobody waits for it.
DUE_RETRY = 5 * MINUTE
BACKFILL_CONTACTS = 250
BULK_CONTACTS = 1_000
BUSY_EVENTS = 500
COMMIT_RETRY_AFTER = 1 * SECOND

# Contacts
EMAIL = 254
NAME = 200
EXTERNAL_ID = 255
PHONE = 50
LOCALE = 35
TAG = 100
ATTRIBUTE_NAME = 200
ATTRIBUTES = 200
ATTRIBUTES_DEPTH = 8
ATTRIBUTES_SIZE = 32 * 1024
CONSENT_SOURCE = 200
TAGS_AT_ONCE = 50
FILTERS = 20

# Campaigns
CAMPAIGN_NAME = 200
TRIGGERS = 20
WORKFLOW_NODES = 200
WORKFLOW_EDGES = 600
WORKFLOW_BRANCHES = 20
NODE_ID = 100
SPLIT_WEIGHT = 10_000
SPLIT_ENTERED = 1_000_000_000
EXIT_CONDITIONS = 10
ENTRY_KEY = 255
WALK_NODES = 500
SWEEP_ENROLMENTS = 200
EXECUTE_CONTACTS = 200
FREQUENCY_CAPS = 10
FREQUENCY_COUNT = 1_000
# A throttled launch takes in at most so many in a minute, and one transaction's worth of them at a time.
PER_MINUTE = 1_000_000
CRON = 100
# A split whose branches have all failed so far is looked at again after so long.
SPLIT_LOOK_AGAIN = 1 * HOUR
DRY_RUN_CONTACTS = 500
DRY_RUN_DAYS = 366
DRY_RUN_LAUNCHES = 1_000

# Webhooks
WEBHOOK_ENDPOINTS = 50
WEBHOOK_WISHES = 100
# Fewer than the connections that the guarded client has, so that none waits for one.
WEBHOOK_TRIES_AT_ONCE = 90
WEBHOOK_TRIES_AT_ONCE_PER_ENDPOINT = 10
# Longer than any try can take, so that who comes back after it was not running.
WEBHOOK_LEASE = 45 * SECOND
WEBHOOK_OLD_SECRET = 24 * HOUR
WEBHOOK_FAILING = 5 * DAY
WEBHOOK_BACKLOG = 100_000
WEBHOOK_KEPT = 30 * DAY
# So many bytes of an answer are kept: there are ten tries of each of a hundred thousand deliveries at the worst.
WEBHOOK_ANSWER = 4 * 1024
WEBHOOK_AT_A_TIME = 500
INCOMING_ENDPOINTS = 50
INCOMING_REQUESTS = 100
INCOMING_PATH = 500
INCOMING_FIELDS = 100
INCOMING_SIGNED_WITHIN = 5 * MINUTE

# Lead score
SCORING_RULES = 500
POINTS = 1_000_000
DECAY_DAYS = 3_650
# A dry-run reads so many of the newest events; a diff reads whole contacts until it has read so many.
DRY_RUN_EVENTS = 50_000
# A rebuild works on contacts until so many of them, or so many of their events, are in one transaction.
REBUILD_CONTACTS = 100
REBUILD_EVENTS = 2_000

# Telegram and push
TELEGRAM_UPDATE = 256 * 1024
# A contact that has more chats or browsers keeps the newest ones; so does a session that is nobody's yet.
DEVICES = 20
VISITOR_DEVICES = 5

# Forms
FORM_FIELDS = 50
FORM_KEY = 64
FORM_LABEL = 500
FORM_OPTIONS = 300
FORM_TEXT = 5_000
FORM_TEXTAREA = 10_000
FORM_TAGS = 20
FORM_ORIGINS = 50
FORM_MINIMUM_SECONDS = 60
FORM_ATTRIBUTES_SIZE = 16 * 1024
FORM_STATISTICS = 30 * DAY
# A page that was opened longer ago is no proof that somebody filled it in.
FORM_PAGE_AGE = 24 * HOUR
FORM_CONFIRMATION = 7 * DAY
# So many confirmation mails one address gets in a day, whoever asks for them.
FORM_CONFIRMATIONS = 3
FORM_CONFIRMATIONS_WINDOW = 1 * DAY
FORM_RATE = 20
FORM_RATE_WINDOW = 10 * MINUTE
FORM_RATE_KEPT = 10_000
FORM_EXPIRED_AT_ONCE = 500

# Templates
# The texts of one template together, in characters, and one of its tags.
TEMPLATE_SIZE = 256 * 1024
# JSON takes up to two bytes for a character of markup.
TEMPLATE_BODY = 1024 * 1024
TEMPLATE_TAG = 1_000
TEMPLATE_TAGS = 5_000
TEMPLATE_NESTING = 20
# The steps that writing one text may take: the nodes of its loops' bodies, once for each turn, and what filters read.
TEMPLATE_STEPS = 50_000
# So many characters that a filter reads or makes are one step.
TEMPLATE_STEP_SIZE = 1_024
TEMPLATE_OUTPUT = 512 * 1024
# What one value on the way may grow to: characters, items, and digits of a number.
TEMPLATE_VALUE = 64 * 1024
TEMPLATE_ITEMS = 10_000
TEMPLATE_NAMES = 100
TEMPLATE_SUBJECT = 500
TEMPLATES_COMPILED = 256
MJML_NESTING = 40

# Tracking
# Different links of one message that are told apart; further ones stay as they are.
MESSAGE_LINKS = 1_000
LINK_TARGET = 4_096
# No person opens a mail or follows a link so soon after it was handed over.
MACHINE_HASTE = 2 * SECOND
# So long after that an image proxy fetches for itself and not for a reader.
PROXY_HASTE = 10 * SECOND
# A reader is not kept waiting for longer than this by a store that is busy.
TRACKING_SECONDS = 0.5
# So many opens and clicks may wait to be recorded: whoever fetches a pixel without end must leave room for others.
TRACKING_RECORDS = 256
FEEDBACK_REPORTS = 500
SUPPRESSION_NOTE = 500
# Of a mail in the bounce mailbox only so much is read.
MAIL_READ = 1024 * 1024
MAILS_AT_ONCE = 100

# Messages
# A hand-over comes back within so long; a lease is longer, for a clock that steps and a process that stands still.
HAND_OVER = 60 * SECOND
LEASE = 5 * MINUTE
# A hand-over begins so soon after its message was looked at; one that waits longer for its turn is looked at again.
LOOKED_AT = 5 * SECOND
