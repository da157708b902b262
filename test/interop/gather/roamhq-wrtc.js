// libwebrtc: npm package @roamhq/wrtc.
import wrtc from '@roamhq/wrtc';
import { gatherWith } from './stack.js';

await gatherWith((configuration) => new wrtc.RTCPeerConnection(configuration));
