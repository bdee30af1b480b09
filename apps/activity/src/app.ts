import { openService } from '@lockstep/fastify'
import { openFeed, openList, openMessages, openSortedSet } from '@lockstep/redis'
import type { FastifyInstance } from 'fastify'
import { Compile } from 'typebox/compile'
import type { ActivitySettings } from './config.ts'
import { recorder } from './events/recorder.ts'
import { decodeEntry, feedsOf } from './feed/feed.ts'
import { Hub } from './feed/hub.ts'
import { leaderboardOf } from './leaderboard/leaderboard.ts'
import { userMessages } from './notices/messages.ts'
import { Notice } from './notices/notice.ts'
import { noticesOf } from './notices/notices.ts'
import { translate } from './problems.ts'
import { eventRoutes } from './routes/events.ts'
import { feedRoutes } from './routes/feed.ts'
import { inboxRoutes } from './routes/inbox.ts'
import { leaderboardRoutes } from './routes/leaderboard.ts'

const notice = Compile(Notice)

/** Puts the service together; it does not listen. Redis need not be there (requirement C3). */
export function createApp(settings: ActivitySettings): FastifyInstance {
  const { app, redis, tokens } = openService({
    name: 'activity',
    title: 'Lockstep activity',
    description: 'Best-sellers, inboxes and live feeds',
    settings,
    translate,
  })
  const prefix = settings.KEY_PREFIX
  const memory = settings.EVENT_MEMORY
  const messages = openMessages(redis, { logger: app.log })
  const inboxes = openList(redis, {
    prefix,
    name: 'inbox',
    ttl: settings.INBOX_TTL,
    max: settings.INBOX_KEPT,
    decode: (value) => notice.Parse(value),
  })
  const feeds = feedsOf(
    openFeed(redis, {
      prefix,
      name: 'feed',
      ttl: settings.FEED_TTL,
      max: settings.FEED_KEPT,
      decode: decodeEntry,
    }),
  )
  const hub = new Hub(feeds, {
    poll: settings.FEED_POLL,
    retry: settings.FEED_RETRY,
    heartbeat: settings.FEED_HEARTBEAT,
    stall: settings.FEED_STALL,
    check: settings.FEED_CHECK,
    most: settings.FEED_CONNECTIONS,
    mostOfUser: settings.FEED_CONNECTIONS_PER_USER,
  })
  const leaderboard = leaderboardOf(openSortedSet(redis, { prefix, name: 'leaderboard' }))
  const users = userMessages(messages)
  const notices = noticesOf(inboxes, feeds, users, memory)

  users.onTold(
    (user) => hub.wake(user),
    () => hub.wakeAll(),
  )
  redis.onAvailable(() => hub.wakeAll())
  app.addHook('onReady', async () => {
    app.sessions.onEnded((ended) => hub.check(ended.kind === 'unknown' ? undefined : ended.user))
  })
  // Clients go while requests are still answered; messages end before the link that they come by.
  app.addHook('preClose', async () => hub.close())
  app.addHook('onClose', () => messages.close())

  app.register(eventRoutes, { record: recorder(leaderboard, notices, memory), notices })
  app.register(leaderboardRoutes, { leaderboard })
  app.register(inboxRoutes, { inboxes })
  app.register(feedRoutes, { hub, tokens })
  return app
}
