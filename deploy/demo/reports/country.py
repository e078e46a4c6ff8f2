"""Stories from the fields: the rice harvest, with its correction, and the sea of clouds."""

from deploy.demo.reports.parts import (
    SOURCE,
    DemoStory,
    body,
    clip,
    gallery,
    head,
    item,
    media,
    para,
    picture,
    quote,
    table,
    told,
)
from schemas.story import StoryIn

RIGHT_AREA, WRONG_AREA = "2.3万亩", "3.2万亩"
RIGHT_CROP, WRONG_CROP = "1.29万吨", "1.79万吨"

CORRECTION = (
    "本稿首次发布时，导语和正文将全县优质稻梯田面积误写为“3.2万亩”，据此推算的预计总产量"
    "误写为“1.79万吨”。经县农业农村局核实，面积应为2.3万亩，预计总产量应为1.29万吨。"
    "现予更正，并向读者致歉。"
)


def harvest(area: str, crop: str, correction: str = "") -> StoryIn:
    """The harvest report with the given area and expected crop."""
    return StoryIn(
        slug="terrace-harvest",
        kind="news",
        headline="青禾梯田开镰 层层稻浪次第归仓",
        lead=f"连日来，青禾县{area}优质稻梯田由低到高依次成熟。小型农机开上山腰，"
        "订单稻谷卖出好价，晒秋的竹匾又添新景，山乡处处是丰收的忙碌。",
        byline="本报记者 禾小满",
        source=SOURCE,
        desk="采访部",
        columns=("热点",),
        sections=("首页",),
        keywords=("秋收", "梯田", "优质稻", "农机", "晒秋"),
        correction=correction,
        cover="terraces",
        media=media("terraces.jpg", "harvest.jpg", "trays.jpg"),
        body=body(
            para(
                "晨雾刚从山坳里散开，收割机的轰鸣便在云岭乡的梯田间响了起来。连日来，"
                f"青禾县{area}优质稻梯田由低到高依次成熟，农户抢抓晴好天气开镰收割，"
                "金黄的稻浪一天天换成整齐的稻茬和草垛。"
            ),
            picture(
                "terraces",
                "清晨，云岭乡的梯田迎来第一缕阳光。",
                "朝阳下层层叠叠的金色梯田，远处是薄雾中的群山和白墙村落",
            ),
            head("小农机开上半山腰"),
            para(
                "“往年收这几丘田，全家人要弯腰割上七八天。”种粮大户老禾站在田埂上，看着履带式"
                "收割机沿新修的机耕道一丘一丘往上走，“今年机器能开到田头，我家26亩稻子，"
                "两天半就进了仓。”"
            ),
            para(
                "县农业农村局组织起32支农机服务队，配备适合山地的小型收割机118台，按照"
                "“先低后高、先熟先收”的次序跨乡镇调度。农户在手机上登记田块位置和成熟情况，"
                "服务队当天回复上门时间，每亩作业费比上年下降两成。"
            ),
            quote("机器进得来，年轻人才愿意回来种田。", "云岭乡禾丰合作社理事长 田满仓"),
            head("好稻子卖出好价钱"),
            para(
                "丰收的底气来自好品种。今年，优质稻“青禾香1号”占到梯田面积的七成，平均亩产"
                f"560公斤，全县梯田预计总产量{crop}。合作社与粮食加工企业提前签下订单，收购价"
                "每公斤高出普通稻谷0.6元，仅此一项，农户亩均增收330多元。"
            ),
            table(
                "三个主产乡镇收割进度（截至发稿前一日）",
                ("乡镇", "面积（万亩）", "已收割（万亩）", "进度"),
                ("云岭乡", "0.92", "0.41", "45%"),
                ("石桥镇", "0.78", "0.47", "60%"),
                ("白茶镇", "0.60", "0.21", "35%"),
            ),
            head("晒秋晒出新风景"),
            para(
                "稻谷归仓，农家屋场又热闹起来。红辣椒、黄玉米、柿子和豆子铺满一只只竹匾，"
                "远看像打翻了的调色盘。石桥镇把割稻、晒秋和农事研学串成一条线路，周末每天接待"
                "游客600多人次，村里12家农家乐的订单排到了月底。"
            ),
            gallery(
                picture(
                    "harvest",
                    "石桥镇的稻田里，村民把稻草扎成草垛。",
                    "夕阳下收割后的稻田，一排排草垛间有几位戴斗笠的农人",
                ),
                picture(
                    "trays",
                    "竹匾里的辣椒、玉米、柿子和稻谷晒得正旺。",
                    "石板场院上摆满圆形竹匾，里面晒着红辣椒、黄玉米和柿子",
                ),
            ),
            para(
                "县农业农村局提醒，收割后的秸秆由服务队统一打捆离田，用作饲料和基料，严禁露天"
                "焚烧。高海拔田块还需10天左右成熟，农户可在融媒体中心客户端“服务”板块查询"
                "天气和农机信息，错开雨天安排收割。"
            ),
        ),
    )


def clouds() -> StoryIn:
    """The landscape video."""
    return StoryIn(
        slug="sea-of-clouds",
        kind="video",
        headline="视频丨云海漫过青禾梯田 十二秒看秋色",
        lead="雨后初晴，青禾县云岭乡出现云海景观。镜头缓缓移过山腰，晨雾、稻田和村落"
        "在朝阳里次第展开。",
        byline="本报记者 云知秋",
        source=SOURCE,
        desk="视听部",
        columns=("热点", "两微"),
        sections=("首页",),
        keywords=("云海", "梯田", "青禾秋色", "短视频"),
        cover="terraces",
        media=media("mountains.mp4", "terraces.jpg", "tea.jpg"),
        body=body(
            clip("mountains", "云海从梯田间缓缓漫过。", "云知秋 摄制"),
            para(
                "一场秋雨过后，青禾县云岭乡的清晨被云海填满。天刚放亮，雾气从谷底升起，贴着"
                "一道道田埂往上走，梯田的轮廓时隐时现，远处的山脊一层淡过一层，几只早起的"
                "鸟儿掠过山头。"
            ),
            para(
                "记者在海拔890米的望禾台守候了三个早晨，用一段十二秒的视频记下日出前后最好的光："
                "太阳跃出云层，稻田由青转黄，炊烟和晨雾混在一起，村庄在金色里慢慢醒来。"
            ),
            head("一山两景：上看云，下采茶"),
            para(
                "从望禾台往下走二十分钟，就是白茶镇的秋茶园。云雾多、昼夜温差大，正是茶叶积累"
                "香气的好时候。茶农戴着斗笠穿行在茶垄间，一篓篓鲜叶当天下山进厂，赶制今年"
                "最后一批秋茶。"
            ),
            picture(
                "tea",
                "白茶镇的茶园，茶农正在采摘秋茶。",
                "晨雾中的绿色茶园，一垄垄茶树沿山势弯曲，几位茶农正在采茶",
            ),
            quote(
                "云海是山里的天气给的，路和台子是大家一起修的，来看的人多了，茶也好卖。",
                "白茶镇茶农 茶大姐",
            ),
            para(
                "看云的人多了，山里的日子也跟着变。望禾台旁的三户人家腾出空房办起民宿，早上煮一锅"
                "新米粥，配自家腌的萝卜干。民宿主人说，入秋以来周末几乎天天满房，城里来的客人"
                "最爱问的一句话是：“明早有云吗？”"
            ),
            head("去看云海，请记住三件事"),
            item("*看天气*：雨后转晴、清晨无风时最容易遇见，日出前半小时到达最好。", ordered=True),
            item(
                "*走步道*：停车请到望禾台下的生态停车场，步行登台，不要踩踏田埂和庄稼。",
                ordered=True,
            ),
            item("*带走垃圾*：山上不设零售摊点，请自备饮水，把塑料瓶带下山。", ordered=True),
            para(
                "县气象服务中心预计，未来三天仍有两个早晨具备出现云海的条件。云岭乡已安排志愿者"
                "在步道入口引导，节假日客流较大时将分批登台，请游客提前在客户端查看实时人数，"
                "错峰前往。"
            ),
        ),
    )


def stories() -> tuple[DemoStory, ...]:
    """The harvest as first filed, with a wrong figure that is corrected, and the video."""
    return (
        told(
            harvest(WRONG_AREA, WRONG_CROP),
            "reporter",
            correction=harvest(RIGHT_AREA, RIGHT_CROP, CORRECTION),
        ),
        told(clouds(), "reporter"),
    )
