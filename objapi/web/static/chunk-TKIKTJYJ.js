import{i as t}from"./chunk-4OKCPLQP.js";var e=t(null);function r(i,o="info",n){e.value=n===void 0?{text:i,kind:o}:{text:i,kind:o,action:n}}export{e as a,r as b};
